"""The inputs of the benchmark, made once and kept below target/bench."""
import os, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
CACHE = os.path.join(ROOT, "target", "bench")


def made(name, make):
    """The folder `name` of the cache; `make(folder)` fills it the first time, whole or not at all."""
    folder = os.path.join(CACHE, name)
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        print(f"making {os.path.relpath(folder, ROOT)} …", file=sys.stderr)
        scratch = tempfile.mkdtemp(dir=CACHE)
        try:
            make(scratch)
            os.rename(scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def wiki(megabytes):
    """Text-heavy files of 1 MB in the default format. None where the reference data is not beside the repository."""
    script = os.path.join(SHARED, "data", "make_corpus.py")
    if not os.path.exists(script):
        return None
    return made(f"wiki_{megabytes}", lambda folder: subprocess.run(
        [sys.executable, script, folder, str(megabytes)], check=True, stdout=subprocess.DEVNULL))


def many(files):
    """So many tiny files, 1,000 a folder."""
    def make(folder):
        for number in range(files):
            if number % 1000 == 0:
                os.mkdir(os.path.join(folder, f"{number // 1000}"))
            with open(os.path.join(folder, f"{number // 1000}", f"file_{number}"), "w") as f:
                f.write(f"<doc id={number} title=tiny>The file with the number {number}.</doc>\n")
    return made(f"many_{files}", make)


def manuals():
    """The pages of Debian's python3-doc: tag-heavy. None where apt cannot get them."""
    def make(folder):
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            depends = subprocess.run(["apt-cache", "depends", "python3-doc"], capture_output=True, text=True).stdout
            package = next((line.split()[-1] for line in depends.splitlines() if "Depends: python3." in line), "python3-doc")
            # apt drops to its own user for a download, who cannot write here; as root it need not.
            subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package], cwd=scratch, check=True,
                           stdout=subprocess.DEVNULL)
            deb = next(name for name in os.listdir(scratch) if name.endswith(".deb"))
            subprocess.run(["dpkg-deb", "-x", deb, "unpacked"], cwd=scratch, check=True)
            for path, _, names in os.walk(os.path.join(scratch, "unpacked")):
                for name in names:
                    full = os.path.join(path, name)
                    if name.endswith(".html") and not os.path.islink(full):
                        flat = os.path.relpath(full, os.path.join(scratch, "unpacked")).replace("/", "_")
                        shutil.copyfile(full, os.path.join(folder, flat))
    try:
        return made("manuals", make)
    except (OSError, subprocess.CalledProcessError, StopIteration):
        return None


def size(folder):
    """Files and bytes below the folder."""
    sizes = [os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names]
    return len(sizes), sum(sizes)
