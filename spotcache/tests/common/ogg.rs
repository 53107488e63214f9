//! Ogg files taken apart into pages and put together in other ways.

/// A page without what its place in the file gives it.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) flags: u8,
    pub(crate) granule: i64,
    pub(crate) lacing: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// The flag of a page that goes on with a packet.
pub(crate) const CONTINUED: u8 = 1;
/// The flag of the last page.
pub(crate) const LAST: u8 = 4;

pub(crate) fn pages(mut rest: &[u8]) -> Vec<Page> {
    let mut pages = Vec::new();
    while !rest.is_empty() {
        let (header, behind) = rest.split_at(27);
        let (lacing, behind) = behind.split_at(header[26].into());
        let (body, behind) = behind.split_at(len(lacing));
        let granule = i64::from_le_bytes(header[6..14].try_into().expect("eight bytes"));
        pages.push(Page { flags: header[5], granule, lacing: lacing.to_vec(), body: body.to_vec() });
        rest = behind;
    }
    pages
}

/// The file of these pages, numbered from 0 on.
pub(crate) fn file(pages: &[Page]) -> Vec<u8> {
    let mut out = Vec::new();
    for (sequence, page) in (0u32..).zip(pages) {
        let start = out.len();
        out.extend_from_slice(b"OggS\0");
        out.push(page.flags);
        out.extend_from_slice(&page.granule.to_le_bytes());
        out.extend_from_slice(&0xdead_beefu32.to_le_bytes());
        out.extend_from_slice(&sequence.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.push(page.lacing.len() as u8);
        out.extend_from_slice(&page.lacing);
        out.extend_from_slice(&page.body);
        let sum = checksum(&out[start..]).to_le_bytes();
        out[start + 22..start + 26].copy_from_slice(&sum);
    }
    out
}

/// RFC 3533's checksum, bit by bit.
pub(crate) fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

/// Bytes of these segments.
pub(crate) fn len(lacing: &[u8]) -> usize {
    lacing.iter().map(|len| usize::from(*len)).sum()
}

/// Moves the first segments of the first audio page (number 2, in the Vorbis fixture) into the page that ends the
/// headers, as encoders do that begin no page for the sound.
pub(crate) fn share_header_page(pages: &mut Vec<Page>, segments: usize) {
    let sound = pages.remove(2);
    let (lacing, lacing_behind) = sound.lacing.split_at(segments);
    let (body, body_behind) = sound.body.split_at(len(lacing));
    let ended = lacing.iter().filter(|len| **len < 255).count();
    let shared = &mut pages[1];
    shared.lacing.extend_from_slice(lacing);
    shared.body.extend_from_slice(body);
    if lacing_behind.is_empty() {
        shared.granule = sound.granule;
        shared.flags |= sound.flags & LAST;
        return;
    }
    // All blocks of the fixture's first audio page are long, and the first packet yields no samples.
    shared.granule = ended.saturating_sub(1) as i64 * 512;
    let open = if lacing.last() == Some(&255) { CONTINUED } else { 0 };
    let (lacing, body) = (lacing_behind.to_vec(), body_behind.to_vec());
    pages.insert(2, Page { flags: sound.flags | open, granule: sound.granule, lacing, body });
}

/// The Vorbis fixture with so many segments of sound in its last header page.
pub(crate) fn shared(source: &[u8], segments: usize) -> Vec<u8> {
    let mut pages = pages(source);
    share_header_page(&mut pages, segments);
    file(&pages)
}

/// The same where only the beginning of the first audio packet is in that page: two hundred bytes that no decoder
/// reads (Vorbis I §4.3) make the packet longer than a segment.
pub(crate) fn shared_with_open_packet(source: &[u8]) -> Vec<u8> {
    let mut pages = pages(source);
    let sound = &mut pages[2];
    let first = usize::from(sound.lacing[0]);
    let long = first + 200;
    sound.lacing.splice(..1, [255, (long - 255) as u8]);
    sound.body.splice(first..first, [0; 200]);
    share_header_page(&mut pages, 1);
    file(&pages)
}
