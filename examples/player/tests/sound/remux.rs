//! An MP4 laid out anew: the same packets as other muxers write them.

use bytes::Bytes;

/// Where the index lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Index {
    First,
    Last,
}

/// Packets in each chunk but the last.
const CHUNK: usize = 4;

/// Bytes of nothing in front of every chunk.
const GAP: usize = 5;

/// The file with several chunks and gaps between them, the last chunk not full, times that say 448 frames too many of
/// every fifth packet and too few of the one after it (as ffmpeg's are when it takes them from Ogg), and a box behind
/// everything.
pub(crate) fn remuxed(file: &[u8], index: Index) -> Bytes {
    let movie = find(file, b"moov");
    let table = [b"trak", b"mdia", b"minf", b"stbl"].iter().fold(movie, |within, kind| find(within, kind));
    let sizes: Vec<usize> = numbers(&find(table, b"stsz")[12..]).map(|size| size as usize).collect();
    assert_eq!(numbers(&find(table, b"stsc")[4..8]).next(), Some(1), "one kind of chunk");
    assert_ne!(sizes.len() % CHUNK, 0, "the last chunk is to be partial");
    let mut packets = find(file, b"mdat");
    assert_eq!(packets.len(), sizes.iter().sum::<usize>());

    let mut sound = Vec::new();
    let mut offsets = Vec::new();
    for chunk in sizes.chunks(CHUNK) {
        sound.extend_from_slice(&[0xaa; GAP]);
        offsets.push(sound.len() as u32);
        let (these, rest) = packets.split_at(chunk.iter().sum());
        sound.extend_from_slice(these);
        packets = rest;
    }
    let kind = boxed(b"ftyp", find(file, b"ftyp"));
    let times = uneven_times(&find(table, b"stts")[8..]);
    let index_at = |sound_at: u32| {
        let offsets: Vec<u32> = offsets.iter().map(|offset| offset + sound_at).collect();
        boxed(b"moov", &rewritten(movie, &times, sizes.len(), &offsets))
    };
    let before = match index {
        Index::First => kind.len() + index_at(0).len(),
        Index::Last => kind.len(),
    };
    let index_box = index_at(before as u32 + 8);
    let (sound, end) = (boxed(b"mdat", &sound), boxed(b"free", &[0; 3]));
    match index {
        Index::First => [kind, index_box, sound, end].concat().into(),
        Index::Last => [kind, sound, index_box, end].concat().into(),
    }
}

/// The file without its edit list, and with iTunes' note of the same among its tags; the index has to lie behind the
/// sound.
pub(crate) fn noted(file: &[u8], delay: u32, samples: u64) -> Bytes {
    let text = format!(" 00000000 {delay:08X} 000001CA {samples:016X} 00000000 00000000");
    let item = [
        boxed(b"mean", &[&[0; 4], &b"com.apple.iTunes"[..]].concat()),
        boxed(b"name", &[&[0; 4], &b"iTunSMPB"[..]].concat()),
        boxed(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], text.as_bytes()].concat()),
    ];
    let list = boxed(b"ilst", &boxed(b"----", &item.concat()));
    let tags = boxed(b"udta", &boxed(b"meta", &[&[0; 4], &list[..]].concat()));
    let mut out = Vec::new();
    for (kind, body) in boxes(file) {
        let body = match kind {
            b"moov" => [without(body, b"edts"), tags.clone()].concat(),
            _ => body.to_vec(),
        };
        out.extend(boxed(kind, &body));
    }
    out.into()
}

/// A film's contents without one kind of box in its tracks, and without tags.
fn without(movie: &[u8], unwanted: &[u8; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, body) in boxes(movie).filter(|(kind, _)| *kind != unwanted && *kind != b"udta") {
        let body = if kind == b"trak" { without(body, unwanted) } else { body.to_vec() };
        out.extend(boxed(kind, &body));
    }
    out
}

/// One run for every packet.
fn uneven_times(runs: &[u8]) -> Vec<[u32; 2]> {
    let fields: Vec<u32> = numbers(runs).collect();
    let mut times: Vec<[u32; 2]> =
        fields.chunks(2).flat_map(|run| core::iter::repeat_n([1, run[1]], run[0] as usize)).collect();
    for pair in times.chunks_exact_mut(5) {
        pair[2][1] += 448;
        pair[3][1] -= 448;
    }
    times
}

/// A box's contents with new tables of times and chunks.
fn rewritten(contents: &[u8], times: &[[u32; 2]], packets: usize, offsets: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, body) in boxes(contents) {
        let body = match kind {
            b"trak" | b"mdia" | b"minf" | b"stbl" => rewritten(body, times, packets, offsets),
            b"stts" => counted(times.len(), &times.concat()),
            b"stsc" => {
                let last = offsets.len() as u32;
                counted(2, &[1, CHUNK as u32, 1, last, (packets % CHUNK) as u32, 1])
            }
            b"stco" => counted(offsets.len(), offsets),
            _ => body.to_vec(),
        };
        out.extend(boxed(kind, &body));
    }
    out
}

fn counted(entries: usize, fields: &[u32]) -> Vec<u8> {
    [0, entries as u32].iter().chain(fields).flat_map(|field| field.to_be_bytes()).collect()
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(8 + body.len() as u32).to_be_bytes()[..], kind, body].concat()
}

fn find<'a>(within: &'a [u8], wanted: &[u8; 4]) -> &'a [u8] {
    boxes(within).find(|(kind, _)| *kind == wanted).expect("the box is there").1
}

fn boxes(mut rest: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    core::iter::from_fn(move || {
        let len = numbers(rest).next()? as usize;
        let (this, behind) = rest.split_at(len);
        rest = behind;
        Some((this[4..].first_chunk()?, &this[8..]))
    })
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|number| u32::from_be_bytes(*number))
}
