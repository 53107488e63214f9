//! Editing tags, with pictures as large as they come, changes no byte of a canonical form.

mod common;

use common::{FIXTURES, canonical, fixture, ogg};

/// A picture that is full of what parsers look for.
fn picture() -> Vec<u8> {
    let lure =
        [&fixture("sweep-vbr.mp3")[..], b"OggS\0\0fLaC", &fixture("sweep.flac")[42..3000], b"\xff\xd8mdat"]
            .concat();
    lure.iter().copied().cycle().take(700_001).collect()
}

fn id3v2(body: &[u8]) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (body.len() >> shift & 0x7f) as u8);
    [&b"ID3\x04\0\0"[..], &size, body].concat()
}

fn id3v1() -> Vec<u8> {
    [&b"TAG"[..], &[b'x'; 125]].concat()
}

fn ape(body: &[u8]) -> Vec<u8> {
    let edge = |flags: u32| {
        let size = body.len() as u32 + 32;
        [
            &b"APETAGEX"[..],
            &2000u32.to_le_bytes(),
            &size.to_le_bytes(),
            &1u32.to_le_bytes(),
            &flags.to_le_bytes(),
            &[0; 8],
        ]
        .concat()
    };
    [&edge(0xa000_0000)[..], body, &edge(0x8000_0000)].concat()
}

fn lyrics3(body: &[u8]) -> Vec<u8> {
    let text = [b"LYRICSBEGIN", body].concat();
    [&text[..], format!("{:06}LYRICS200", text.len()).as_bytes()].concat()
}

fn mp3(source: &[u8]) -> Vec<u8> {
    let sound = if source.starts_with(b"ID3") { skip_id3v2(source) } else { source };
    let sound =
        if sound[sound.len() - 128..].starts_with(b"TAG") { &sound[..sound.len() - 128] } else { sound };
    [&id3v2(&picture())[..], sound, &ape(&picture()), &lyrics3(b"\xff\xfb\x90\x64la la"), &id3v1()].concat()
}

fn skip_id3v2(source: &[u8]) -> &[u8] {
    let size = source[6..10].iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
    &source[10 + size..]
}

fn flac(source: &[u8]) -> Vec<u8> {
    let picture = picture();
    let block = |kind: u8, body: &[u8]| [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    // After STREAMINFO: a picture, padding, and the old blocks, of which the last stays the last.
    [
        &id3v2(b"odd, but seen")[..],
        &source[..42],
        &block(6, &picture),
        &block(1, &[0; 3000]),
        &source[42..],
        &ape(&picture),
        &id3v1(),
    ]
    .concat()
}

fn wav(source: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], body: &[u8]| {
        let pad = if body.len() % 2 == 1 { &[0][..] } else { &[] };
        [name, &(body.len() as u32).to_le_bytes()[..], body, pad].concat()
    };
    let (front, rest) = source[12..].split_at(24);
    [
        &source[..12],
        &chunk(b"JUNK", &[7; 27]),
        front,
        &chunk(b"LIST", &picture()),
        rest,
        &chunk(b"id3 ", b"abc"),
    ]
    .concat()
}

/// Header pages anew, with a comment packet of several hundred kilobytes; every page behind gets another number.
fn ogg(source: &[u8]) -> Vec<u8> {
    let pages = ogg::pages(source);
    let headers = &pages[1].body;
    let setup =
        &headers[headers.windows(7).position(|bytes| bytes == b"\x05vorbis").expect("a setup packet")..];
    let picture = picture();
    let vendor =
        [&b"\x03vorbis\x03\0\0\0abc\x01\0\0\0"[..], &(picture.len() as u32).to_le_bytes(), &picture, &[1]]
            .concat();
    let mut lacing = Vec::new();
    for packet in [&vendor[..], setup] {
        lacing.resize(lacing.len() + packet.len() / 255, 255);
        lacing.push((packet.len() % 255) as u8);
    }
    let body = [&vendor[..], setup].concat();
    let mut body = &body[..];
    let mut out = vec![pages[0].clone()];
    for lacing in lacing.chunks(200) {
        let (part, behind) = body.split_at(ogg::len(lacing));
        let granule = if lacing.iter().all(|len| *len == 255) { -1 } else { 0 };
        let flags = if out.len() > 1 { ogg::CONTINUED } else { 0 };
        out.push(ogg::Page { flags, granule, lacing: lacing.to_vec(), body: part.to_vec() });
        body = behind;
    }
    out.extend_from_slice(&pages[2..]);
    ogg::file(&out)
}

fn atom(kind: &[u8], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn atoms(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 8 {
        let len = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        found.push((&bytes[4..8], &bytes[8..len]));
        bytes = &bytes[len..];
    }
    found
}

/// Another time of change, tags with a picture, free space, and the sound moved by `by` bytes.
fn mp4_index(kind: &[u8], body: &[u8], by: i64) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => {
            for (kind, body) in atoms(body) {
                if kind != b"udta" {
                    out.extend(mp4_index(kind, body, by));
                }
            }
        }
        b"stco" => {
            out.extend_from_slice(&body[..8]);
            for offset in body[8..].chunks(4) {
                let offset = u32::from_be_bytes([offset[0], offset[1], offset[2], offset[3]]);
                out.extend_from_slice(&((i64::from(offset) + by) as u32).to_be_bytes());
            }
        }
        _ => out.extend_from_slice(body),
    }
    if matches!(kind, b"mvhd" | b"tkhd" | b"mdhd") {
        out[4..12].fill(0x77);
    }
    if kind == b"moov" {
        let tags = atom(b"ilst", &atom(b"covr", &atom(b"data", &picture())));
        out.extend(atom(b"udta", &atom(b"meta", &[&[0; 4], &tags[..]].concat())));
        out.extend(atom(b"free", &[0; 999]));
    }
    atom(kind, &out)
}

fn mp4(source: &[u8]) -> Vec<u8> {
    let all = atoms(source);
    let get = |name: &[u8]| all.iter().find(|(kind, _)| *kind == name).expect("an atom").1;
    let front = [atom(b"ftyp", b"mp42\0\0\0\0mp42"), atom(b"free", &[9; 1234])].concat();
    let was = source.windows(4).position(|bytes| bytes == b"mdat").expect("sound") + 4;
    let sound = get(b"mdat");
    // Index behind the sound, if it was in front; in front, if it was behind.
    if source.windows(4).position(|bytes| bytes == b"moov") < Some(was) {
        let by = front.len() as i64 + 8 - was as i64;
        [front, atom(b"mdat", sound), mp4_index(b"moov", get(b"moov"), by)].concat()
    } else {
        let len = mp4_index(b"moov", get(b"moov"), 0).len();
        let by = (front.len() + len) as i64 + 8 - was as i64;
        [front, mp4_index(b"moov", get(b"moov"), by), atom(b"mdat", sound)].concat()
    }
}

#[test]
fn a_retagged_copy_has_the_same_canonical_form_and_facts() {
    for name in FIXTURES {
        let source = fixture(name);
        let retagged = match name.rsplit('.').next() {
            Some("mp3") => mp3(&source),
            Some("flac") => flac(&source),
            Some("wav") => wav(&source),
            Some("ogg") => ogg(&source),
            _ => mp4(&source),
        };
        assert!(retagged.len() > source.len() + 700_000, "{name} was hardly retagged");
        let (before, facts) = canonical(&source).expect(name);
        let (after, again) = canonical(&retagged).expect(name);
        assert!(before == after, "{name}: the canonical form changed with the tags");
        assert_eq!(facts, again, "{name}");
    }
}

#[test]
fn tags_between_joined_mp3_files_are_stepped_over() {
    let sound = fixture("sweep.mp3");
    // A picture that would sound like more of the same.
    let tag = id3v2(&sound);
    let (joined, facts) = canonical(&[&sound[..], &sound].concat()).unwrap();
    let (tagged, again) = canonical(&[&sound[..], &tag, &sound].concat()).unwrap();
    assert!(joined == tagged);
    assert_eq!(facts, again);
}

#[test]
fn audio_pages_and_frames_are_the_source_s_own() {
    // The last thousand bytes are audio in all of these.
    for name in ["sweep.flac", "sweep.mp3", "sweep-vbr.mp3", "tone.wav"] {
        let source = fixture(name);
        let end =
            if source[source.len() - 128..].starts_with(b"TAG") { source.len() - 128 } else { source.len() };
        let (bytes, facts) = canonical(&source).expect(name);
        let sound = &bytes[facts.headers.first().map_or(0, |range| range.end as usize)..];
        assert!(source[..end].ends_with(sound), "{name}");
    }
    let source = fixture("sweep.aac.m4a");
    let (bytes, facts) = canonical(&source).unwrap();
    let sound = &bytes[facts.headers[0].end as usize..];
    assert!(source.windows(sound.len()).any(|window| window == sound));
}
