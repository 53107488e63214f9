//! Writes what fuzzing begins with into a folder of its own for each target: `seeds FOLDER`.
//!
//! It is made of the vectors in docs/, the sound files of spotcache's tests, messages and sessions that this program makes,
//! and, for operations, of bytes at random. What of it takes a target nowhere new goes when a corpus is made smaller.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "this is for tests")]

use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use fuzz_bodies::{ALL, PROGRAMS};
use null_crypto::{Gullible, NullCrypto};
use spotcache::canonical::analyse;
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotproto::content::{FileId, Head, LeafSet, Leaves};
use spotproto::crypto::{Crypto, KeyPair, SecretKey};
use spotproto::message::encode_frame;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Session, Setup};
use spotproto::ticket::{Pseudonym, Rights, Ticket};
use spotproto::{ByteMachine, Dice, Gid, Instant, Limits, Machine, Seed, UnixTime, WireMessage};
use std::fs;
use std::path::{Path, PathBuf};

const FILE: FileId = FileId([9; 32]);

struct Seeds {
    folder: PathBuf,
    count: usize,
}

impl Seeds {
    fn put(&mut self, target: &str, bytes: impl AsRef<[u8]>) {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder).expect("a folder to write to");
        fs::write(folder.join(format!("seed-{:04}", self.count)), bytes).expect("a file to write");
        self.count += 1;
    }
}

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder to write to");
    let mut seeds = Seeds { folder: folder.into(), count: 0 };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for document in ["docs/protocol.md", "docs/cache.md"] {
        let text = fs::read_to_string(root.join(document)).expect("a document");
        vectors(&text).iter().for_each(|bytes| vector(&mut seeds, bytes));
    }
    messages(&mut seeds);
    handshakes(&mut seeds);
    sounds(&mut seeds, &root.join("spotcache/tests/fixtures"));
    on_disk(&mut seeds);
    texts(&mut seeds);
    let mut dice = Dice::new(&Seed([1; 32]));
    for (target, _) in ALL.iter().chain(&PROGRAMS) {
        for length in [30, 300, 1200, 2400] {
            let bytes: Vec<u8> = (0..length).map(|_| dice.bits() as u8).collect();
            seeds.put(target, bytes);
        }
    }
    // What the first byte chooses, all of it.
    for (target, choices) in [("access_point", 4), ("cache", 4), ("node", 8), ("planner", 3), ("swarm", 2)] {
        for choice in 0..choices {
            let operations = (0..1000).map(|_| dice.bits() as u8);
            seeds.put(target, core::iter::once(choice).chain(operations).collect::<Vec<u8>>());
        }
    }
    println!("{} seeds", seeds.count);
}

/// All hexadecimal values in the vectors of a document.
fn vectors(text: &str) -> Vec<Vec<u8>> {
    let mut values: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line.starts_with("```vector");
            values.push(String::new());
        } else if inside {
            let (fresh, value) = match line.split_once(':') {
                Some((_, value)) if !line.starts_with(' ') => (true, value),
                _ => (false, line),
            };
            if fresh {
                values.push(String::new());
            }
            values.last_mut().expect("the block's").extend(value.split_whitespace());
        }
    }
    let byte = |text: &str| u8::from_str_radix(text, 16).ok();
    let bytes = |value: &String| {
        (0..value.len() / 2)
            .map(|at| value.get(at * 2..at * 2 + 2).and_then(byte))
            .collect::<Option<Vec<u8>>>()
    };
    values.iter().filter_map(bytes).filter(|bytes| bytes.len() > 3).collect()
}

fn vector(seeds: &mut Seeds, bytes: &[u8]) {
    for target in ["preamble", "frame", "ticket", "head", "leaf_group", "summary", "plan"] {
        seeds.put(target, bytes);
    }
    for how in 0..4 {
        seeds.put("handshake", [&[how | 0xf0], bytes].concat());
    }
    framed(seeds, bytes);
    seeds.put("journal", [&[1], bytes].concat());
    seeds.put("leaves", [&[7; 32][..], &[0, 100], bytes].concat());
    seeds.put("seek_table", [&[0, 0, 0x13, 0x88, 0, 0, 0, 0, 0, 1, 0x86, 0xa0][..], bytes].concat());
}

/// A frame as a message, and as a record.
fn framed(seeds: &mut Seeds, frame: &[u8]) {
    if let [kind, channel, _, _, body @ ..] = frame {
        let front = if channel >> 6 == 0 { 0 } else { 1 };
        seeds.put("message", [&[*kind], body.get(front..).unwrap_or_default()].concat());
    }
    for how in 0..2 {
        let length = (frame.len() as u16).to_be_bytes();
        seeds.put("records", [&[how], &length[..], frame].concat());
    }
}

fn messages(seeds: &mut Seeds) {
    let mut dice = Dice::new(&Seed([2; 32]));
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..40 + dice.below(3000)).map(|_| dice.bits() as u8).collect();
        let mut u = Unstructured::new(&bytes);
        if let Ok(head) = Head::<FileId>::arbitrary(&mut u) {
            let mut out = Vec::new();
            head.encode(&mut out);
            seeds.put("head", &out);
        }
        let Ok(message) = WireMessage::arbitrary(&mut Unstructured::new(&bytes)) else { continue };
        let mut frame = BytesMut::new();
        if encode_frame(&message, &mut frame) {
            seeds.put("made_message", &bytes);
            seeds.put("frame", &frame);
            framed(seeds, &frame);
        }
    }
}

/// What two sessions say to each other, each flight to the one that takes it; whoever dials, over a link or not.
fn handshakes(seeds: &mut Seeds) {
    let keys = |byte| KeyPair::new::<Gullible>(SecretKey([byte; 32]));
    for (knows, swapped, linked) in (0..8u8).map(|n| (n & 1 == 0, n & 2 > 0, n & 4 > 0)) {
        let session = |role, identity, remote| {
            let (dialled, limits) = ((role == Role::Initiator) != swapped, Limits::DEFAULT);
            let link = if linked { LinkId([5; 16]) } else { LinkId::ACCESS_POINT };
            let ephemeral = SecretKey([identity + 10; 32]);
            let setup = Setup { role, dialled, link, identity: keys(identity), ephemeral, remote, limits };
            Session::<Gullible>::new(Instant::START, setup).expect("keys of use")
        };
        let mut client = session(Role::Initiator, 1, knows.then(|| keys(2).public));
        let mut server = session(Role::Responder, 2, linked.then(|| keys(1).public));
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            to_server.extend(carry(&mut client, &mut server));
            to_client.extend(carry(&mut server, &mut client));
        }
        let parts = u8::from(swapped) << 2 | u8::from(linked) << 3;
        for cut in [0x00, 0x10, 0xf0] {
            seeds.put("handshake", [&[cut | parts | 2 | u8::from(linked)], &to_server[..]].concat());
            seeds.put("handshake", [&[cut | parts | u8::from(!knows)], &to_client[..]].concat());
        }
    }
}

fn carry(from: &mut Session<Gullible>, to: &mut Session<Gullible>) -> BytesMut {
    let mut wire = BytesMut::new();
    from.poll_transmit(Instant::START, &mut wire, 8192);
    let flight = wire.clone();
    to.handle_bytes(Instant::START, &mut wire).expect("an honest peer");
    while to.poll_output().is_some() {}
    flight
}

fn sounds(seeds: &mut Seeds, fixtures: &Path) {
    for entry in fs::read_dir(fixtures).expect("fixtures") {
        let bytes = fs::read(entry.expect("a file").path()).expect("a file");
        seeds.put("canonical", &bytes);
        if let Ok(canonical) = analyse(&mut &bytes[..]) {
            // From the beginning, and from half a second on by a line of the seek table.
            for start in [[0, 8, 0], [2, 24, 30]] {
                let format = [canonical.facts.format as u8 - 1];
                seeds.put("decode", [&format[..], &start, &bytes].concat());
            }
            let mut plan = Vec::new();
            canonical.plan.encode(&mut plan);
            plan.extend_from_slice(&bytes[..2048]);
            seeds.put("plan", plan);
        }
    }
}

fn on_disk(seeds: &mut Seeds) {
    let secret = SecretKey([4; 32]);
    let (keys, gullible) = (CacheKeys::new::<NullCrypto>(&secret), CacheKeys::new::<Gullible>(&secret));
    let mut dice = Dice::new(&Seed([3; 32]));
    for round in 0..20u8 {
        let bytes: Vec<u8> = (0..3000).map(|_| dice.bits() as u8).collect();
        let mut head = Head::<FileId>::arbitrary(&mut Unstructured::new(&bytes)).expect("bytes enough");
        head.file = FILE;
        let gid = (round % 2 == 0).then(|| Gid::from_bytes([round; 16]));
        let (title, artist) = ("Präludium".into(), "Bach".into());
        let key = spotproto::content::ContentKey::new([round; 32]);
        let sheet = Sheet { gid, head, key, lease_until: UnixTime(1), title, artist };
        seeds.put("sheet", sheet.seal::<Gullible>(&gullible));
    }
    let leaves = Leaves::new::<NullCrypto>((0..130).map(|at| spotproto::content::Hash([at; 32])).collect());
    let leaves = leaves.expect("a tree");
    let mut set = LeafSet::new(FileId(leaves.root().0), 130, 4);
    for range in [0..64, 64..128, 128..130, 5..9] {
        let range = leaves.prove(range).expect("a range of it");
        set.insert::<NullCrypto>(&range).expect("a proof");
        let mut out = [&leaves.root().0[..], &[0, 130]].concat();
        range.encode(&mut out);
        seeds.put("leaves", out);
    }
    (0..3).for_each(|group| {
        seeds.put("leaf_group", LeafGroup::of(&set, group).encode::<NullCrypto>(&keys, &FILE))
    });
    let signing = SecretKey([3; 32]);
    let (pseudonym, link_key) = (Pseudonym([1; 16]), NullCrypto::public_key(&secret));
    let ticket = Ticket { pseudonym, link_key, rights: Rights::NONE, not_after: UnixTime(9) };
    seeds.put("ticket", ticket.sign::<NullCrypto>(&signing).as_bytes());
    journals(seeds);
    seeds.put("summary", [1, 0x40, 0, 8, 0, 0xb0, 0, 1, 0, 0x60, 0, 0, 99]);
}

/// Bodies of records of every kind: docs/cache.md.
fn journals(seeds: &mut Seeds) {
    let bodies: [&[u8]; 9] = [
        &[1, 0, 0, 0, 7, 4, 0x40, 100, 1, 1, 2, 3, 4],
        &[3, 0, 0, 0, 7, 2, 0, 5, 9, 0x40, 60],
        &[2, 0, 0, 0, 7, 0, 0x40, 100, 1],
        &[4, 0, 0, 0, 7, 1, 1, 1],
        &[8, 0, 0, 0, 7],
        &[7, 0, 0, 0, 7],
        &[5, 0, 0, 0, 7, 1],
        &[9, 0, 0, 0, 0, 0x65, 0x53, 0xf1, 0],
        &[6, 0, 0, 0, 7],
    ];
    let record = |body: &&[u8]| [&[body.len() as u8], *body].concat();
    for until in 1..=bodies.len() {
        seeds.put(
            "journal",
            [&[0][..], &bodies[..until].iter().flat_map(record).collect::<Vec<_>>()].concat(),
        );
    }
}

fn texts(seeds: &mut Seeds) {
    for link in [
        "spotify:track:6JEK0CvvjDjjMUBFoXShNZ#0:44",
        "spotify:user:gkreitz:playlist:4W5L19AvhsGC3U9xm6lQ9Q",
        "https://open.spotify.com/intl-de/album/4W5L19AvhsGC3U9xm6lQ9Q?si=x",
        "https://embed.spotify.com/?uri=spotify%3Atrack%3A6JEK0CvvjDjjMUBFoXShNZ",
        "spotify:search:year%3A1725+bach",
        "spotify:local:Bach:Wohltemperiertes:Pr%C3%A4ludium:125",
        "spotify:user:gkreitz:starred",
    ] {
        seeds.put("link", link);
    }
    for url in ["http://music.example:8080/files/a?b=%20c", "http://[::1]/", "http://10.0.0.1", "https://x/"]
    {
        seeds.put("url", url);
    }
    for name in ["music.local", "10.0.0.1:99", "::1", "[::1]:99"] {
        seeds.put("server_name", name);
        seeds.put("server_name", format!("{name}#{}", "0b".repeat(32)));
    }
    for file in [
        "server = 'music:4070'\n[cache]\nlimit = '5 GB'\ndir = '~/x'\n",
        "port = 65536\npatience = '3 s' # long\npeers.mode = 'off'\npeers.neighbours = 4\n",
        "[serve]\nlisten = '[::]:4070'\ncdn = 'http://cdn/'\n[peers]\nuploads=2\nupload-rate='1 MB/s'\n",
        "output = 'null'\ndevice = '/d'\n[[cache]]\nlimit = 1979-05-27\n",
    ] {
        seeds.put("settings", file);
    }
    #[cfg(feature = "programs")]
    for name in spotp2p_swarm::scenario::NAMES {
        seeds.put("scenario", spotp2p_swarm::scenario::named(name).unwrap_or_default());
    }
    for scenario in [
        "[listening]\nhours = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5]\n",
        "peers = 3\n",
        "caches.eviction = 's3-fifo'\nlines.loss = nan\n",
        "'a\\nb' = inf\n",
    ] {
        seeds.put("scenario", scenario);
    }
    answers(seeds);
}

/// 0xff stands for a whole answer, 0xfe for the moment of the second request.
fn answers(seeds: &mut Seeds) {
    let range = "Content-Range: bytes 0-16383/49252\r\n";
    for answer in [
        &b"\xff"[..],
        b"\xff\xfe\xff",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry\xfe\xff",
        b"HTTP/1.1 100 Continue\r\n\r\n\xff",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nsorry\r\n0\r\nX: y\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //other/x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 49252\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsorry",
    ] {
        for how in [0, 1, 6, 40] {
            seeds.put("http_answer", [&[how], answer].concat());
        }
    }
    let chunked =
        format!("HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\n{range}\r\n10\r\n0123456789abcdef\r\n");
    seeds.put("http_answer", [&[2], chunked.as_bytes()].concat());
}
