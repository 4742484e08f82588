"""The input of the engine test: some hundred pages, and files that are not what they should be."""
import gzip
import random

# So many that the job outlasts the faults by far, on a faster machine too: what is left then goes fast.
GOOD = 2000
FILE_BYTES = 400_000
WORDS = """sheaf field harvest grain reaper stubble mill flour granary barn plough furrow seed rain season autumn 한국어 들판
русский поле урожай café naïve æther 中文 麦田 R&amp;D a&lt;b""".split()


def page(number, rng):
    """One page of FILE_BYTES: records with markup inside, so that parsing costs something."""
    parts, length = [], 0
    while length < FILE_BYTES:
        text = " ".join(rng.choices(WORDS, k=60))
        part = f"<p>{text[:100]}<b>{text[100:200]}</b> <a href='#{rng.random()}'>{text[200:]}</a></p>\n" * 4
        parts.append(f'<doc id="{number}-{len(parts)}" title="{rng.random()}">\n{part}</doc>\n')
        length += len(parts[-1].encode())
    return "".join(parts).encode()


def poison(good, rng):
    """Name → bytes of the files that must fail, each for another reason."""
    packed = gzip.compress(good, 1, mtime=0)
    wrong_sum = bytearray(packed)
    wrong_sum[-8] ^= 1
    return {
        "noise.html": rng.randbytes(200_000),
        "picture.html": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(5_000),
        "cut.html.gz": packed[: len(packed) // 2],
        "sum.html.gz": bytes(wrong_sum),
        "plain.html.gz": good,
        # The tokenizer looks for each new name among all earlier ones: it takes far longer than the time limit.
        "slow.html": ("<p" + "".join(f" a{n}" for n in range(400_000)) + "><doc id=slow>at last</doc>").encode(),
    }


def write(folder):
    """Writes all files into `folder`, the bad ones between the good ones; gives the names of the bad ones."""
    rng = random.Random(4)
    folder.mkdir()
    for number in range(GOOD):
        content = page(number, rng)
        (folder / f"{number}.html").write_bytes(content)
    bad = {f"{(place + 1) * 20}_{name}": bytes_ for place, (name, bytes_) in enumerate(poison(content, rng).items())}
    for name, bytes_ in bad.items():
        (folder / name).write_bytes(bytes_)
    return set(bad)
