//! State folders and epochs.

use super::*;
use spotproto::content::Format;

const KEYS: [&str; 4] = ["identity.key", "ticket.key", "pseudonym.key", "master.key"];

fn refusal(folder: &Path) -> StateError {
    State::open(folder).unwrap_err()
}

#[test]
fn a_state_stays_the_same_from_run_to_run() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("spot/server");
    let secrets = |state: &State| {
        [&state.identity.secret, &state.ticket_key, &state.pseudonym_key, &state.epochs.current().secret]
            .map(|key| key.0)
    };
    let first = State::open(&folder).unwrap();
    let keys = secrets(&first);
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[index + 1..].contains(key) && *key != [0; 32]);
    }
    drop(first);
    assert_eq!(secrets(&State::open(&folder).unwrap()), keys);

    // Copied keys are a whole backup.
    let copy = home.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in KEYS {
        fs::copy(folder.join(name), copy.join(name)).unwrap();
    }
    assert_eq!(secrets(&State::open(&copy).unwrap()), keys);
    let text = fs::read_to_string(copy.join("identity.key")).unwrap();
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).map(str::len).collect::<Vec<_>>(), [64]);
}

#[test]
fn two_servers_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = State::open(folder.path()).unwrap();
    let second = refusal(folder.path());
    assert!(matches!(second, StateError::InUse(_)), "{second}");
    assert!(second.to_string().contains("another server"));
    drop(first);
    State::open(folder.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_use_the_state() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let state = State::open(&folder).unwrap();
    let music = tempfile::tempdir().unwrap();
    let library =
        Library::open(music.path(), &state.database(), state.epochs.clone(), Options::default()).unwrap();
    scan(&library);
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop((library, state));

    for name in KEYS {
        let path = folder.join(name);
        for bad in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, PermissionsExt::from_mode(bad)).unwrap();
            let why = refusal(&folder);
            assert_eq!(why, StateError::OpenKey(path.clone()));
            assert!(why.to_string().contains("chmod 600") && !why.to_string().contains('\n'));
        }
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o770)).unwrap();
    assert_eq!(refusal(&folder), StateError::OpenFolder(folder.clone()));
}

#[test]
fn a_damaged_key_is_refused_and_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    drop(State::open(&folder).unwrap());
    for name in KEYS {
        let path = folder.join(name);
        let good = fs::read(&path).unwrap();
        let longer = [&good[..good.len() - 1], b"0\n"].concat();
        let twice = [&good[..], &good[..]].concat();
        let bads: [&[u8]; 7] =
            [b"", b"# nothing\n", &good[..good.len() - 2], &longer, &twice, &[0xff; 70], &[b'0'; 200_000]];
        for bad in bads {
            fs::write(&path, bad).unwrap();
            let why = refusal(&folder);
            assert!(matches!(&why, StateError::BadKey(at, _) if *at == path), "{name}: {why}");
            assert_eq!(fs::read(&path).unwrap(), bad);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let why = refusal(&folder);
        assert!(!why.to_string().is_empty());
        fs::remove_dir(&path).unwrap();
        fs::write(&path, &good).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        drop(State::open(&folder).unwrap());
    }
}

#[test]
fn a_new_epoch_seals_what_is_added_and_still_serves_the_rest() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let state = State::open(shelf.state.path()).unwrap();
    let library = shelf.library_of(state.epochs.clone());
    scan(&library);
    let first = only(&library);
    drop((library, state));

    let path = shelf.state.path().join("master.key");
    let old = fs::read_to_string(&path).unwrap();
    let added = format!("{old}2 {}\n", "5a".repeat(32));
    fs::write(&path, &added).unwrap();
    let state = State::open(shelf.state.path()).unwrap();
    assert_eq!(state.epochs.current().number, 2);
    let library = shelf.library_of(state.epochs.clone());
    shelf.put("b.wav", &song(2, Encoding::Wav));
    let report = scan(&library);
    assert_eq!((report.added, report.unchanged), (1, 1));
    assert_eq!(library.find(&Wanted::Track(first.0)).unwrap().head.file, first.1);
    for track in library.tracks().unwrap() {
        download(&library, gid(&track)).unwrap();
    }
    drop((library, state));

    // Without the old secret the file gets another name; the track keeps its own.
    fs::write(&path, added.lines().last().unwrap()).unwrap();
    let state = State::open(shelf.state.path()).unwrap();
    let library = shelf.library_of(state.epochs.clone());
    assert_eq!(library.find(&Wanted::Track(first.0)), Err(Refusal::Unavailable));
    let report = scan(&library);
    assert_eq!((report.changed, report.unchanged), (1, 1));
    let entry = library.find(&Wanted::Track(first.0)).unwrap();
    assert!(entry.head.file != first.1 && entry.head.format == Format::OggVorbis);
    download(&library, first.0).unwrap();
}
