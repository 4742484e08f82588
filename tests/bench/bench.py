#!/usr/bin/env python3
"""Measures `sheaf` against the Python program that it replaces, and what it takes of processor and memory.

usage: target/python/bin/python tests/bench/bench.py [--rounds N] [--megabytes N] [--only WORD] [--skip-peers]
                                                     [--large] [--many] [--manuals] [--binary PATH]

--rounds     how often each command runs, in turn, so that a noisy minute falls on all alike (default 3)
--megabytes  size of the corpus (default 200)
--only       only the rows whose name holds WORD; repeatable
--large      also 2 GB of input: the peak memory of the parent must not grow
--many       also a million tiny files
--manuals    also tag-heavy HTML: the pages of Debian's python3-doc
--binary     another `sheaf` than target/release/sheaf, which is built first

Prints Markdown. It reports; it judges nothing.
"""
import argparse, os, re, subprocess, sys, tempfile, zipfile, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import corpora, measure
from cluster import Cluster

# Deflating a larger workbook anew would take minutes, and tell the same as a smaller one of the same text.
YARDSTICK_MOST = 200 << 20

LINKS = ["--record", "a[href]", "--column", "text=::text", "--column", "href=::attr(href)"]


def built(arguments):
    if arguments.binary:
        return os.path.abspath(arguments.binary)
    print("building the release binary …", file=sys.stderr)
    subprocess.run(["cargo", "build", "--quiet", "--release", "--workspace", "--bins"], cwd=corpora.ROOT, check=True)
    return os.path.join(corpora.ROOT, "target", "release", "sheaf")


def rows_to_measure(arguments, sheaf):
    """Yields (name, corpus, command); a command writes below `{out}` and may name a `{redis}`, which is started for it with
    a worker; None: it cannot run here."""
    wiki = corpora.wiki(arguments.megabytes)
    if wiki is None:
        sys.exit("the reference data (../shared) is not beside the repository: nothing to measure")
    files, _ = corpora.size(wiki)
    job = lambda corpus, *options: [sheaf, "run", corpus, "-p", "2", "--verbose", "-o", "{out}/final.xlsx", *options]
    for name, script, options, modules in [
        ("original, with a workbook per file", "original.py", [], "bs4, html5lib, pandas, openpyxl"),
        ("original, without", "original.py", ["no-per-file"], "bs4, html5lib, pandas, openpyxl"),
        ("tuned Python", "tuned.py", [], "selectolax, xlsxwriter"),
    ]:
        if arguments.skip_peers:
            continue
        path = os.path.join(corpora.SHARED, "bench", script)
        there = os.path.exists(path) and subprocess.run([sys.executable, "-c", f"import {modules}"], capture_output=True)
        command = [sys.executable, path, str(files), "2", wiki, "{out}", *options]
        yield name, wiki, command if there and there.returncode == 0 else None
    yield "sheaf, default", wiki, job(wiki)
    over_redis = lambda corpus: [sheaf, "run", corpus, "--redis", "{redis}", "--verbose", "-o", "{out}/final.xlsx"]
    yield "sheaf over Redis", wiki, over_redis(wiki) if Cluster.is_possible() else None
    yield "sheaf, fast", wiki, job(wiki, "--compression", "fast")
    yield "sheaf, small", wiki, job(wiki, "--compression", "small")
    yield "sheaf, with a workbook per file", wiki, job(wiki, "--per-file", "{out}/each")
    if arguments.large:
        large = corpora.wiki(2000)
        yield "sheaf, 2 GB", large, job(large)
        yield "sheaf over Redis, 2 GB", large, over_redis(large) if Cluster.is_possible() else None
    if arguments.many:
        many = corpora.many(1_000_000)
        yield "sheaf, a million tiny files", many, job(many)
    if arguments.manuals:
        manuals = corpora.manuals()
        yield "sheaf, python3-doc, all links", manuals, job(manuals, *LINKS) if manuals else None


def yardstick(workbook):
    """The size of the workbook if zlib level 6 had deflated its sheets: the other members stay as they are."""
    total = os.path.getsize(workbook)
    with zipfile.ZipFile(workbook) as book:
        for member in book.infolist():
            if not member.filename.startswith("xl/worksheets/sheet"):
                continue
            deflate, size = zlib.compressobj(6, zlib.DEFLATED, -15), 0
            with book.open(member) as content:
                while chunk := content.read(1 << 20):
                    size += len(deflate.compress(chunk))
            total += size + len(deflate.flush()) - member.compress_size
    return total


def coordinator_share(output):
    """What the run says of itself: `coordinator CPU: X s of Y s`."""
    found = re.search(r"coordinator CPU: ([\d.]+) s of ([\d.]+) s", output)
    return f"{100 * float(found[1]) / float(found[2]):.1f} %" if found and float(found[2]) else "–"


def run_one(command, out, sheaf):
    """Runs a command; where it names a `{redis}`, with a server and a worker beside it. Gives the run and the server's
    figures."""
    filled = lambda redis: [part.replace("{out}", out).replace("{redis}", redis) for part in command]
    if "{redis}" not in command:
        return measure.run(filled(""), out), None
    with Cluster(sheaf) as cluster:
        return measure.run(filled(cluster.url), out), cluster.figures()


def measured(rows, rounds, sheaf):
    """Runs all rows in turn, `rounds` times. Gives the runs of each row, the size and yardstick of its workbook, and the
    figures of its Redis."""
    runs, sizes, servers = {name: [] for name, _, _ in rows}, {}, {}
    for number in range(rounds):
        for name, _, command in rows:
            if command is None:
                continue
            with tempfile.TemporaryDirectory(dir=corpora.CACHE) as out:
                run, server = run_one(command, out, sheaf)
                print(f"round {number + 1}, {name}: {run.seconds:.2f} s", file=sys.stderr)
                if run.code != 0:
                    print(f"  exit code {run.code}: {run.output[-500:]}", file=sys.stderr)
                    continue
                runs[name].append(run)
                if server:
                    servers.setdefault(name, []).append(server)
                book = os.path.join(out, "final.xlsx")
                if name not in sizes and os.path.exists(book):
                    size = os.path.getsize(book)
                    is_compared = name.startswith("sheaf") and size <= YARDSTICK_MOST
                    sizes[name] = (size, yardstick(book) if is_compared else None)
    return runs, sizes, servers


def table(rows, runs, sizes):
    """The rows as Markdown. A row is compared with the median of the Python that does the same work."""
    speed = {}
    for name, corpus, _ in rows:
        if runs[name]:
            speed[name] = corpora.size(corpus)[1] / 1e6 / measure.median([run.seconds for run in runs[name]])
    print("| run | MB/s | slowest–fastest | × original | × tuned | size, MB | of zlib 6 | cores | parent peak, MiB |"
          " child peak, MiB | coordinator |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, corpus, command in rows:
        if not runs[name]:
            print(f"| {name} | {'failed' if command else 'not here'} |" + " |" * 9)
            continue
        megabytes = corpora.size(corpus)[1] / 1e6
        middle = lambda take: measure.median([take(run) for run in runs[name]])
        seconds = [run.seconds for run in runs[name]]
        like = "original, with a workbook per file" if "a workbook per file" in name else "original, without"
        times = lambda other: f"{speed[name] / speed[other]:.1f}" if other in speed and "sheaf" in name else "–"
        size, zlib6 = sizes.get(name, (0, None))
        cells = [
            name, f"{speed[name]:.1f}", f"{megabytes / max(seconds):.1f}–{megabytes / min(seconds):.1f}", times(like),
            times("tuned Python"), f"{size / 1e6:.1f}", f"{100 * size / zlib6:.1f} %" if zlib6 else "–",
            f"{middle(lambda run: run.cpu_seconds / run.seconds):.2f}", f"{middle(lambda run: run.parent_peak) / 2**20:.0f}",
            f"{middle(lambda run: run.children_peak) / 2**20:.0f}", coordinator_share(runs[name][-1].output),
        ]
        print("| " + " | ".join(cells) + " |")


def over_redis(runs, servers):
    """What the runs over Redis took, beside the local run of the same round."""
    local = [run.seconds for run in runs.get("sheaf, default", [])]
    for name, figures in servers.items():
        peaks, seconds = zip(*figures)
        print(f"\n{name}: Redis' memory peak {max(peaks) / 2**20:.0f} MiB, its processor time {measure.median(seconds):.2f} s")
        if local and name == "sheaf over Redis":
            ratios = [ours / theirs.seconds for ours, theirs in zip(local, runs[name])]
            rounds = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{name}: {measure.median(ratios):.2f} × the speed of the local run (each round: {rounds})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--binary")
    for flag in ("--skip-peers", "--large", "--many", "--manuals"):
        parser.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    os.makedirs(corpora.CACHE, exist_ok=True)
    sheaf = built(arguments)
    rows = [row for row in rows_to_measure(arguments, sheaf) if not arguments.only or any(word in row[0] for word in arguments.only)]
    # Paths of the machine say nothing to the reader of the table.
    short = lambda part: os.path.relpath(part, corpora.ROOT) if part.startswith("/") else part.replace("{out}/", "")
    runs, sizes, servers = measured(rows, arguments.rounds, sheaf)
    print(f"\n{os.cpu_count()} cores, {arguments.rounds} rounds, medians; inputs:")
    for folder in dict.fromkeys(corpus for _, corpus, _ in rows if corpus):
        files, size = corpora.size(folder)
        print(f"* {os.path.basename(folder)}: {files:,} files, {size / 1e6:.1f} MB")
    print()
    table(rows, runs, sizes)
    over_redis(runs, servers)
    print("\n```text")
    for name, _, command in rows:
        print(f"{name}: {' '.join(map(short, command)) if command else 'cannot run here'}")
    print("```")


if __name__ == "__main__":
    main()
