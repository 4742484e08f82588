use super::*;
use axum::body::Bytes;
use sha2::{Digest, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const OLD: Duration = Duration::from_secs(3600);

struct World {
    folder: tempfile::TempDir,
    contents: Arc<Contents>,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let contents = open(folder.path(), 0);
    World { folder, contents }
}

fn open(folder: &Path, reserve: u64) -> Arc<Contents> {
    let limits = Limits { largest: 1000, reserve };
    Arc::new(Contents::open(&folder.join("contents"), limits).unwrap())
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

fn begin(world: &World, bytes: &[u8], offset: u64) -> Result<Upload, UploadError> {
    let total = Some(bytes.len() as u64);
    match Upload::begin(&world.contents, hash(bytes), offset, total)? {
        Begun::Upload(upload) => Ok(upload),
        Begun::Whole => panic!("it is there"),
    }
}

fn write(upload: &mut Upload, bytes: &[u8]) {
    upload.write(&[Bytes::copy_from_slice(bytes)]).unwrap();
}

/// Sets the time of a content, or of what has come of it, to long ago.
fn age(path: &Path) {
    let file = File::open(path).unwrap();
    let then = SystemTime::now() - 2 * OLD;
    file.set_times(FileTimes::new().set_modified(then)).unwrap();
}

#[test]
fn a_content_is_whole_when_there() {
    let world = world();
    let mut upload = begin(&world, b"hello", 0).unwrap();
    write(&mut upload, b"hel");
    assert_eq!(world.contents.size(hash(b"hello")).unwrap(), None);
    write(&mut upload, b"lo");
    assert_eq!(upload.end().unwrap(), Ended::Whole);

    let path = world.contents.path(hash(b"hello"));
    assert_eq!(fs::read(&path).unwrap(), b"hello");
    assert_eq!(world.contents.size(hash(b"hello")).unwrap(), Some(5));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

    let again = Upload::begin(&world.contents, hash(b"hello"), 0, Some(5)).unwrap();
    assert!(matches!(again, Begun::Whole));
}

#[test]
fn what_came_is_kept_over_restarts() {
    let mut world = world();
    let mut upload = begin(&world, b"hello", 0).unwrap();
    write(&mut upload, b"hel");
    assert_eq!(upload.end().unwrap(), Ended::Short { received: 3 });

    world.contents = open(world.folder.path(), 0);
    let missing = world.contents.missing(&[hash(b"hello"), hash(b"x"), hash(b"hello")]).unwrap();
    let received: Vec<u64> = missing.iter().map(|content| content.received).collect();
    assert_eq!(received, [3, 0]);

    assert!(matches!(begin(&world, b"hello", 2), Err(UploadError::Offset(3))));
    let mut upload = begin(&world, b"hello", 3).unwrap();
    write(&mut upload, b"lo");
    assert_eq!(upload.end().unwrap(), Ended::Whole);
}

#[test]
fn wrong_bytes_are_removed() {
    let world = world();
    let mut upload = begin(&world, b"hello", 0).unwrap();
    write(&mut upload, b"jello");
    assert!(matches!(upload.end(), Err(UploadError::Hash { .. })));
    assert_eq!(world.contents.received(hash(b"hello")).unwrap(), 0);
    assert_eq!(world.contents.size(hash(b"hello")).unwrap(), None);
}

#[test]
fn one_at_a_time_writes_a_content() {
    let world = world();
    let upload = begin(&world, b"hello", 0).unwrap();
    assert!(matches!(begin(&world, b"hello", 0), Err(UploadError::Busy)));
    begin(&world, b"other", 0).unwrap();
    drop(upload);
    begin(&world, b"hello", 0).unwrap();
}

#[test]
fn sizes_are_limited() {
    let world = world();
    assert!(matches!(begin(&world, &[0; 1001], 0), Err(UploadError::TooLarge(1000))));

    // More than was announced, and more than may be without announcement.
    let mut upload = begin(&world, b"hello", 0).unwrap();
    let more = [Bytes::from_static(b"hello!")];
    assert!(matches!(upload.write(&more), Err(UploadError::TooLarge(5))));
    let Begun::Upload(mut upload) = Upload::begin(&world.contents, hash(b"x"), 0, None).unwrap()
    else {
        panic!()
    };
    let more = [Bytes::from_static(&[0; 1001])];
    assert!(matches!(upload.write(&more), Err(UploadError::TooLarge(1000))));
}

#[test]
fn the_reserve_stays_free() {
    let mut world = world();
    let mut upload = begin(&world, b"hello", 0).unwrap();
    write(&mut upload, b"hel");
    drop(upload);

    world.contents = open(world.folder.path(), u64::MAX / 2);
    assert!(matches!(begin(&world, b"hello", 3), Err(UploadError::Full)));
    assert_eq!(world.contents.received(hash(b"hello")).unwrap(), 3);
}

#[test]
fn only_old_and_unused_contents_go() {
    let world = world();
    for bytes in [&b"used"[..], b"unused", b"asked", b"new"] {
        let mut upload = begin(&world, bytes, 0).unwrap();
        write(&mut upload, bytes);
        upload.end().unwrap();
        age(&world.contents.path(hash(bytes)));
    }
    for bytes in [&b"half"[..], b"busy"] {
        let mut upload = begin(&world, bytes, 0).unwrap();
        write(&mut upload, &bytes[..2]);
    }
    age(&world.contents.incoming_of(hash(b"half")));
    let _busy = begin(&world, b"busy", 2).unwrap();
    age(&world.contents.incoming_of(hash(b"busy")));

    world.contents.missing(&[hash(b"asked"), hash(b"new")]).unwrap();
    let in_use = HashSet::from([hash(b"used")]);
    let collected = world.contents.collect_garbage(&in_use, OLD).unwrap();
    assert_eq!(collected, Collected { files: 2, bytes: 6 + 2 });

    for (bytes, stays) in [(&b"used"[..], true), (b"unused", false), (b"asked", true)] {
        assert_eq!(world.contents.size(hash(bytes)).unwrap().is_some(), stays, "{bytes:?}");
    }
    assert_eq!(world.contents.received(hash(b"half")).unwrap(), 0);
    assert_eq!(world.contents.received(hash(b"busy")).unwrap(), 2);
}

#[test]
fn leftovers_of_bundles_are_swept() {
    let world = world();
    let passing = world.contents.passing_of(hash(b"a"));
    fs::write(&passing, "a").unwrap();
    open(world.folder.path(), 0);
    assert!(!passing.exists());
}

/// A disk of 64 KiB, unmounted at the end; `None`: only root may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "sheaf-test"]).arg(folder.path());
        let mounted = mount.output().ok()?;
        mounted.status.success().then_some(SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_keeps_what_came() {
    let Some(disk) = SmallDisk::mount() else { return };
    let limits = Limits { largest: 1 << 30, reserve: 0 };
    let contents = Arc::new(Contents::open(&disk.0.path().join("contents"), limits).unwrap());

    // Others fill it up meanwhile, so what was free at first is not.
    let bytes = vec![7; 40_000];
    let Begun::Upload(mut upload) =
        Upload::begin(&contents, hash(&bytes), 0, Some(bytes.len() as u64)).unwrap()
    else {
        panic!()
    };
    write(&mut upload, &bytes[..20_000]);
    let filler = disk.0.path().join("filler");
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    let more = [Bytes::copy_from_slice(&bytes[20_000..])];
    assert!(matches!(upload.write(&more), Err(UploadError::Full)));
    drop(upload);

    fs::remove_file(&filler).unwrap();
    assert_eq!(contents.received(hash(&bytes)).unwrap(), 20_000);
    let Begun::Upload(mut upload) =
        Upload::begin(&contents, hash(&bytes), 20_000, Some(bytes.len() as u64)).unwrap()
    else {
        panic!()
    };
    write(&mut upload, &bytes[20_000..]);
    assert_eq!(upload.end().unwrap(), Ended::Whole);
}
