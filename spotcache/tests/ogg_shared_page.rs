//! Vorbis files whose sound begins in the page that ends the headers, against Vorbis I §A.2, as old encoders write them.

mod common;

use common::ogg::{CONTINUED, LAST, file, len, pages, share_header_page, shared, shared_with_open_packet};
use common::{canonical, decode, fixture};

#[test]
fn sound_that_shares_a_page_with_the_headers_gets_the_page_it_would_have_had() {
    let source = fixture("sweep.ogg");
    let segments = pages(&source)[2].lacing.len();
    assert!(canonical(&shared(&source, segments)).unwrap() == canonical(&source).unwrap());
}

#[test]
fn a_shared_page_may_be_the_last() {
    let mut apart = pages(&fixture("sweep.ogg"));
    apart.truncate(3);
    apart[2].flags |= LAST;
    apart[2].granule -= 100;
    let mut together = apart.clone();
    share_header_page(&mut together, apart[2].lacing.len());
    assert_eq!(together.len(), 2);
    let (bytes, facts) = canonical(&file(&together)).unwrap();
    assert_eq!((pages(&bytes)[2].flags, facts.samples), (LAST, Some(19_356)));
    assert!((bytes, facts) == canonical(&file(&apart)).unwrap());
}

#[test]
fn sound_behind_the_headers_keeps_its_packets_and_its_times() {
    let source = fixture("sweep.ogg");
    let sound = decode(&source).samples;
    let open = shared_with_open_packet(&source);
    for (name, shared, granule) in [
        ("one packet", shared(&source, 1), 0),
        ("ten packets", shared(&source, 10), 9 * 512),
        ("part of a packet", open.clone(), -1),
    ] {
        let (bytes, facts) = canonical(&shared).expect(name);
        assert!(decode(&bytes).samples == sound, "{name}: it sounds different");
        assert_eq!(facts.samples, Some(59_200), "{name}");
        let (again, facts_again) = canonical(&bytes).expect(name);
        assert!(bytes == again && facts == facts_again, "{name}: it changes when canonicalised again");

        let (was, is) = (pages(&shared), pages(&bytes));
        assert_eq!((is.len(), is[2].flags, is[2].granule), (was.len() + 1, 0, granule), "{name}");
        let headers = was[1].lacing.len() - is[2].lacing.len();
        assert!(was[1].lacing[headers..] == is[2].lacing[..], "{name}: other segments");
        assert!(was[1].body[len(&was[1].lacing[..headers])..] == is[2].body[..], "{name}: other bytes");
        for (was, is) in was[2..].iter().zip(&is[3..]) {
            assert_eq!((was.flags, was.granule, &was.lacing), (is.flags, is.granule, &is.lacing), "{name}");
            assert!(was.body == is.body, "{name}: other bytes");
        }
    }
    assert_eq!(pages(&canonical(&open).unwrap().0)[3].flags, CONTINUED);
}

#[test]
fn pages_behind_a_shared_one_are_numbered_on() {
    let (bytes, _) = canonical(&shared(&fixture("sweep.ogg"), 10)).unwrap();
    let mut at = 0;
    for (sequence, page) in (0u32..).zip(pages(&bytes)) {
        assert_eq!(bytes[at + 18..at + 22], sequence.to_le_bytes());
        at += 27 + page.lacing.len() + page.body.len();
    }
}
