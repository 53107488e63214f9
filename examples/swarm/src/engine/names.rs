//! What files, pieces and secrets are in a simulated world: a file's name has four bytes, a piece is a length that carries
//! its own verdict, and nothing is encrypted, since nobody listens in.

use bytes::Bytes;
use core::convert::Infallible;
use spotcache::cache::CacheKey;
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotp2p::{FileKey, Payload};
use spotproto::UnixTime;
use spotproto::codec::Reader;
use spotproto::content::{self, ContentKey, FileId, Format, Geometry, Head, SeekTable};
use spotproto::crypto::{
    Aead, BadTag, Crypto, Hasher, LowOrder, PublicKey, SecretKey, Signature, TAG_LEN, VerifyingKey,
};
use spotproto::message::Message;

pub(crate) type Text = Message<Name, Piece>;

/// A file's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Name(pub(crate) u32);

/// A piece of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    pub(crate) file: u32,
    pub(crate) size: u16,
    pub(crate) genuine: bool,
}

/// Bytes at a file's front that a decoder needs first.
const HEADERS: u64 = 4000;

/// A page of Ogg, as libogg fills it: sound is there once the page that it is in is there whole.
const PAGE: u64 = 4500;

/// Sound before a place that a decoder of Vorbis needs in order to be right there, in milliseconds.
const OVERLAP: u64 = 250;

/// What a file's sheet says: how long it is, in milliseconds and in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    pub(crate) millis: u32,
    pub(crate) bytes: u32,
}

impl Facts {
    pub(crate) const SHEET_LEN: usize = 8;

    /// How a disk keeps it.
    pub(crate) fn sheet(self) -> Bytes {
        let mut sheet = [0; Self::SHEET_LEN];
        sheet[..4].copy_from_slice(&self.millis.to_be_bytes());
        sheet[4..].copy_from_slice(&self.bytes.to_be_bytes());
        Bytes::copy_from_slice(&sheet)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(Self { millis: reader.u32().ok()?, bytes: reader.u32().ok()? })
    }

    /// Pieces of the whole file.
    pub(crate) fn pieces(self) -> u32 {
        self.geometry().map_or(1, Geometry::pieces)
    }

    pub(crate) fn geometry(self) -> Option<Geometry> {
        Geometry::of_plaintext(self.bytes.into())
    }

    /// What a player needs to know of the file.
    pub(crate) fn head(self, file: Name) -> Option<Head<Name>> {
        let (millis, length) = (self.millis, u64::from(self.bytes));
        Some(Head {
            file,
            geometry: self.geometry()?,
            format: Format::OggVorbis,
            bit_rate: (length * 8000 / u64::from(millis.max(1))) as u32,
            duration_ms: millis,
            sample_rate: 44_100,
            channels: 2,
            samples: None,
            delay: 0,
            gain: None,
            headers: core::iter::once(0..HEADERS).collect(),
            seek: self.seek()?,
        })
    }

    /// An entry a second, at an even rate. Where it leads to, a page begins: some way before the sound, which ends in a page
    /// that goes on behind it.
    fn seek(self) -> Option<SeekTable> {
        let (millis, room) = (u64::from(self.millis.max(1)), u64::from(self.bytes).checked_sub(HEADERS)?);
        let before = room * OVERLAP / millis + PAGE / 2;
        let step = u64::from(SeekTable::step_for(self.millis));
        let offset = |index: usize| {
            let into = room * (index as u64 * step) / millis;
            HEADERS + into.saturating_sub(before).min(room.saturating_sub(1))
        };
        let offsets: Vec<u64> = (0..SeekTable::entries_for(self.millis)).map(offset).collect();
        let lead = u32::try_from(before + PAGE).ok()?;
        SeekTable::new(self.millis, self.bytes.into(), &offsets, 1, lead).ok()
    }
}

impl CacheKey for Name {
    const LEN: usize = 4;

    fn write(&self, place: &mut [u8]) {
        self.0.write(place);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        u32::read(bytes).map(Self)
    }

    fn bits(&self) -> u64 {
        self.0.bits()
    }
}

/// Pieces carry their own verdict, so there are no leaves.
impl FileKey for Name {
    fn root(&self) -> Option<FileId> {
        None
    }

    fn seal_sheet<C: Crypto>(&self, _: &CacheKeys, sheet: &Sheet<Self>) -> Option<Bytes> {
        let bytes = u32::try_from(sheet.head.geometry.plaintext_len()).ok()?;
        Some(Facts { millis: sheet.head.duration_ms, bytes }.sheet())
    }

    fn open_sheet<C: Crypto>(&self, _: &CacheKeys, bytes: &[u8]) -> Option<Sheet<Self>> {
        Some(Sheet {
            gid: None,
            head: Facts::read(bytes)?.head(*self)?,
            key: ContentKey::new([5; 32]),
            lease_until: UnixTime(u64::MAX),
            title: "".into(),
            artist: "".into(),
        })
    }

    fn seal_leaves<C: Crypto>(&self, _: &CacheKeys, _: &LeafGroup) -> Option<Bytes> {
        None
    }

    fn open_leaves<C: Crypto>(&self, _: &CacheKeys, _: u32, _: &[u8]) -> Option<LeafGroup> {
        None
    }
}

impl Payload for Piece {
    fn size(&self) -> usize {
        self.size.into()
    }

    fn is_genuine(&self, _: Option<&content::Hash>) -> bool {
        self.genuine
    }
}

/// Crypto that hides nothing: of what it makes all that counts is that different things come out different. Real sessions
/// can't be made of it; they are not simulated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plain;

/// A hash of 256 bits, good enough to tell honest things apart.
#[derive(Clone)]
pub(crate) struct Mixer([u64; 2]);

pub(crate) struct NoAead;

impl Aead for NoAead {
    fn new(_: &SecretKey) -> Self {
        Self
    }

    fn seal(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> [u8; TAG_LEN] {
        [0; TAG_LEN]
    }

    fn open(&self, _: &[u8; 12], _: &[u8], _: &mut [u8], _: &[u8; TAG_LEN]) -> Result<(), BadTag> {
        Ok(())
    }
}

/// The finisher of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

impl Hasher for Mixer {
    fn new() -> Self {
        Self([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344])
    }

    fn update(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            let word = u64::from_le_bytes(word);
            self.0[0] = (self.0[0] ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            self.0[1] = (self.0[1].rotate_left(23) ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
    }

    fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        let mut bits = mix(self.0[0]) ^ self.0[1].rotate_left(32);
        for part in out.chunks_mut(8) {
            bits = mix(bits.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ self.0[1]);
            part.copy_from_slice(&bits.to_le_bytes());
        }
        out
    }
}

impl Crypto for Plain {
    type Aead = NoAead;
    type Hasher = Mixer;

    fn public_key(secret: &SecretKey) -> PublicKey {
        PublicKey(secret.0)
    }

    fn agree(secret: &SecretKey, _: &PublicKey) -> Result<SecretKey, LowOrder> {
        Ok(secret.clone())
    }

    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Mixer::new();
        hasher.update(key);
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finish()
    }

    fn verifying_key(seed: &SecretKey) -> VerifyingKey {
        VerifyingKey(seed.0)
    }

    fn sign(_: &SecretKey, _: &[u8]) -> Signature {
        Signature([0; 64])
    }

    fn verify(_: &VerifyingKey, _: &[u8], _: &Signature) -> bool {
        true
    }
}

/// What never fails is done.
pub(crate) const fn done<T: Copy>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
