//! The sheet of a file.

use super::{BadSheet, CacheKeys};
use crate::cache::SHEET_LEN;
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use spotproto::codec::{CodecError, Reader, Writer};
use spotproto::content::{ContentKey, FileId, HEAD_LEN_MAX, Head};
use spotproto::crypto::{Aead, Crypto, SecretKey, TAG_LEN};
use spotproto::{Gid, UnixTime};
use zeroize::Zeroize;

/// The most bytes of a title or an artist; what is longer is cut between characters.
pub const NAME_LEN_MAX: usize = 256;

const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;

/// Version, length, nonce.
const FRONT_LEN: usize = 1 + 2 + NONCE_LEN;

/// The most bytes of plaintext.
const TEXT_MAX: usize = 17 + 8 + 32 + 2 * (2 + NAME_LEN_MAX) + HEAD_LEN_MAX;

const _: () = assert!((FRONT_LEN + TEXT_MAX + TAG_LEN) as u64 <= SHEET_LEN);

/// What a player needs of a file before its bytes. `K` is [`FileId`] in production.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet<K> {
    /// The track, where known.
    pub gid: Option<Gid>,
    /// What describes the file.
    pub head: Head<K>,
    /// What opens it.
    pub key: ContentKey,
    /// Until when it may be played without asking again.
    pub lease_until: UnixTime,
    /// The track's title, at most [`NAME_LEN_MAX`] bytes.
    pub title: Box<str>,
    /// Its artist, at most [`NAME_LEN_MAX`] bytes.
    pub artist: Box<str>,
}

impl Sheet<FileId> {
    /// The bytes for [`Place::Sheet`](crate::cache::Place::Sheet), encrypted for this device and bound to the head's file.
    /// At most [`SHEET_LEN`] of them.
    #[must_use]
    pub fn seal<C: Crypto>(&self, keys: &CacheKeys) -> Bytes {
        let mut text = self.encode();
        let file = &self.head.file;
        let nonce = nonce::<C>(keys, file, &text);
        let mut out = Vec::with_capacity(FRONT_LEN + text.len() + TAG_LEN);
        Writer::new(&mut out).u8(VERSION).u16(text.len() as u16).bytes(&nonce);
        let tag = C::Aead::new(&keys.sheet).seal(&nonce, &associated(file, &out), &mut text);
        out.extend_from_slice(&text);
        out.extend_from_slice(&tag);
        out.into()
    }

    /// Reads what [`Sheet::seal`] made for this file; bytes behind it are left alone.
    ///
    /// # Errors
    /// Why they are not this device's sheet of this file.
    pub fn open<C: Crypto>(keys: &CacheKeys, file: &FileId, bytes: &[u8]) -> Result<Self, BadSheet> {
        let front = bytes.get(..FRONT_LEN).ok_or(BadSheet::Forged)?;
        let mut reader = Reader::new(bytes);
        let parts = (|| {
            let version = reader.u8()?;
            let length = usize::from(reader.u16()?);
            let nonce: [u8; NONCE_LEN] = reader.array()?;
            Ok::<_, CodecError>((version, nonce, reader.bytes(length)?, reader.array::<TAG_LEN>()?))
        })();
        let (version, nonce, sealed, tag) = parts.map_err(|_| BadSheet::Forged)?;
        if sealed.len() > TEXT_MAX && version <= VERSION {
            return Err(BadSheet::Forged);
        }
        // The version is authenticated, so that a newer one is believed only of this device.
        let mut text = sealed.to_vec();
        let opened = C::Aead::new(&keys.sheet).open(&nonce, &associated(file, front), &mut text, &tag);
        let sheet = match opened {
            Err(_) => Err(BadSheet::Forged),
            Ok(()) if version != VERSION => Err(BadSheet::Newer),
            Ok(()) => Self::decode(&text, file).map_err(|_| BadSheet::Forged),
        };
        text.zeroize();
        sheet
    }

    fn encode(&self) -> Vec<u8> {
        // As much as it may take: growing would leave copies of the key behind.
        let mut out = Vec::with_capacity(TEXT_MAX);
        let mut writer = Writer::new(&mut out);
        match &self.gid {
            Some(gid) => writer.u8(1).bytes(gid.as_bytes()),
            None => writer.u8(0),
        };
        writer.u64(self.lease_until.0).bytes(self.key.expose());
        writer.counted(name(&self.title)).counted(name(&self.artist));
        self.head.encode(&mut out);
        out
    }

    fn decode(text: &[u8], file: &FileId) -> Result<Self, CodecError> {
        let mut reader = Reader::new(text);
        let gid = match reader.u8()? {
            0 => None,
            1 => Some(Gid::from_bytes(reader.array()?)),
            _ => return Err(CodecError::Invalid("gid")),
        };
        let lease_until = UnixTime(reader.u64()?);
        let key = ContentKey::from(SecretKey(reader.array()?));
        let title = reader.text(NAME_LEN_MAX, "title")?.into();
        let artist = reader.text(NAME_LEN_MAX, "artist")?.into();
        let head = Head::decode(&mut reader)?;
        reader.finish()?;
        if head.file == *file {
            Ok(Self { gid, head, key, lease_until, title, artist })
        } else {
            Err(CodecError::Invalid("file"))
        }
    }
}

/// Two sheets have one nonce only if they are equal.
fn nonce<C: Crypto>(keys: &CacheKeys, file: &FileId, text: &[u8]) -> [u8; NONCE_LEN] {
    let whole = C::hmac(&keys.nonce.0, &[&file.0, text]);
    whole.first_chunk().copied().unwrap_or_default()
}

/// The file's name, version and length.
fn associated(file: &FileId, front: &[u8]) -> [u8; 35] {
    let mut associated = [0; 35];
    let (name, rest) = associated.split_at_mut(32);
    name.copy_from_slice(&file.0);
    rest.iter_mut().zip(front).for_each(|(place, byte)| *place = *byte);
    associated
}

fn name(text: &str) -> &[u8] {
    let end = (0..=NAME_LEN_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.as_bytes().get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spotproto::content::{Format, Geometry, SeekTable};
    use spotproto::crypto::RustCrypto;

    const FILE: FileId = FileId([9; 32]);

    fn sheet() -> Sheet<FileId> {
        Sheet {
            gid: Some(Gid::from_bytes([3; 16])),
            head: Head {
                file: FILE,
                geometry: Geometry::of_plaintext(50_000).unwrap(),
                format: Format::OggVorbis,
                bit_rate: 160_000,
                duration_ms: 2_500,
                sample_rate: 44_100,
                channels: 2,
                samples: Some(110_250),
                delay: 0,
                gain: Some(-300),
                headers: core::iter::once(0..4_000).collect(),
                seek: SeekTable::even(2_500, 4_000, 50_000).unwrap(),
            },
            key: ContentKey::new([8; 32]),
            lease_until: UnixTime(1_800_000_000),
            title: "Präludium".into(),
            artist: "J. S. Bach".into(),
        }
    }

    fn keys(device: u8) -> CacheKeys {
        CacheKeys::new::<RustCrypto>(&SecretKey([device; 32]))
    }

    fn open(device: u8, file: FileId, bytes: &[u8]) -> Result<Sheet<FileId>, BadSheet> {
        Sheet::open::<RustCrypto>(&keys(device), &file, bytes)
    }

    #[test]
    fn a_sheet_opens_on_its_device_for_its_file_and_tells_nothing_of_its_key() {
        for sheet in [sheet(), Sheet { gid: None, title: "".into(), ..sheet() }] {
            let sealed = sheet.seal::<RustCrypto>(&keys(1));
            assert!(!sealed.windows(8).any(|window| window == [8; 8]), "the key is in it");
            let mut on_disk = sealed.to_vec();
            on_disk.resize(SHEET_LEN as usize, 0xee);
            assert_eq!(open(1, FILE, &on_disk), Ok(sheet));
            assert_eq!(open(2, FILE, &sealed), Err(BadSheet::Forged));
            assert_eq!(open(1, FileId([1; 32]), &sealed), Err(BadSheet::Forged));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_end_is_found() {
        let sealed = sheet().seal::<RustCrypto>(&keys(1));
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(1, FILE, &bad), Err(BadSheet::Forged), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(1, FILE, &sealed[..length]), Err(BadSheet::Forged));
        }
    }

    #[test]
    fn another_lease_has_another_nonce_and_the_same_sheet_the_same() {
        let seal = |sheet: Sheet<FileId>| sheet.seal::<RustCrypto>(&keys(1));
        let renewed = Sheet { lease_until: UnixTime(1_800_000_001), ..sheet() };
        assert_ne!(seal(renewed)[3..15], seal(sheet())[3..15]);
        assert_eq!(seal(sheet()), seal(sheet()));
    }

    #[test]
    fn names_too_long_are_cut_between_characters() {
        let long = Sheet { title: "é".repeat(200).into(), artist: "x".repeat(300).into(), ..sheet() };
        let back = open(1, FILE, &long.seal::<RustCrypto>(&keys(1))).unwrap();
        assert_eq!((back.title, back.artist), ("é".repeat(128).into(), "x".repeat(256).into()));
    }

    proptest! {
        #[test]
        fn no_bytes_pass_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(open(1, FILE, &bytes), Err(BadSheet::Forged));
            prop_assert!(Sheet::decode(&bytes, &FILE).is_err());
        }
    }
}
