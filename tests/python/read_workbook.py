#!/usr/bin/env python3
"""Reads a workbook with a reader that nobody here wrote.

usage: read_workbook.py READER FILE.xlsx                   prints {sheet: [[cell, …], …], …} as JSON
       read_workbook.py READER FILE.xlsx --summary         prints {sheet: {rows, first, second, last}} as JSON
       read_workbook.py READER FILE.xlsx --expect WANT     compares with such JSON; prints what differs, exit code 1

READER: openpyxl, openpyxl-read-only, calamine, pandas (over calamine), libreoffice, ssconvert.

A cell is a string, an empty one "". A cell that the reader takes for anything but text comes out as `<number> 2` or
`<type> value`, so that it equals no text; the two readers by way of CSV cannot tell, and are not asked to. Empty cells at the end of a row, and empty rows at the end of a sheet, are dropped: readers
differ in how far they look.
"""
import csv, glob, io, json, os, subprocess, sys, tempfile


def openpyxl(path, read_only=False):
    import openpyxl
    from openpyxl.utils.escape import unescape
    book = openpyxl.load_workbook(path, read_only=read_only)
    # Quirk: openpyxl leaves the format's _xHHHH_ escapes of cells to its caller, and has `unescape` for them.
    undo = lambda value: unescape(value) if isinstance(value, str) else value
    return {sheet.title: [[undo(cell) for cell in row] for row in sheet.iter_rows(values_only=True)] for sheet in book}


def openpyxl_read_only(path):
    return openpyxl(path, read_only=True)


def calamine(path):
    from python_calamine import CalamineWorkbook
    book = CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def pandas(path):
    import pandas
    # As text, and with nothing taken for "not available": by default pandas reads the text NA as an empty cell.
    frames = pandas.read_excel(path, sheet_name=None, engine="calamine", header=None, dtype=object,
                               keep_default_na=False, na_filter=False)
    return {name: frame.values.tolist() for name, frame in frames.items()}


def libreoffice(path):
    # CSV export: comma, double quote, UTF-8, from line 1, cells as shown, every sheet (-1) to a file of its own.
    options = "44,34,76,1,,0,false,true,false,false,false,-1"
    with tempfile.TemporaryDirectory() as folder:
        # A profile of its own: LibreOffice starts once for each profile.
        run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile",
             "--convert-to", f"csv:Text - txt - csv (StarCalc):{options}", "--outdir", f"{folder}/out", path])
        stem = os.path.splitext(os.path.basename(path))[0]
        return csv_sheets(f"{folder}/out/{stem}-")


def ssconvert(path):
    from openpyxl.utils.escape import unescape
    with tempfile.TemporaryDirectory() as folder:
        run(["ssconvert", "-S", "-T", "Gnumeric_stf:stf_assistant",
             "-O", "separator=, format=raw quoting-mode=always eol=unix charset=UTF-8", path, f"{folder}/sheet-%s.csv"])
        # Quirk: gnumeric shows the format's _xHHHH_ escapes as they stand in the file.
        return {name: [[unescape(cell) for cell in row] for row in rows]
                for name, rows in csv_sheets(f"{folder}/sheet-").items()}


# What a reader cannot show, as (text in the workbook, what the reader gives instead).
QUIRKS = {
    # A line break inside a cell is one line feed in its model.
    "libreoffice": [("\r\n", "\n")],
    # It undoes _xHHHH_ but not for U+FFFE and U+FFFF.
    "calamine": [("\ufffe", "_xFFFE_"), ("\uffff", "_xFFFF_")],
    "pandas": [("\ufffe", "_xFFFE_"), ("\uffff", "_xFFFF_")],
}

NUMBER = "<number> "
BY_WAY_OF_CSV = ("libreoffice", "ssconvert")

READERS = {
    "openpyxl": openpyxl, "openpyxl-read-only": openpyxl_read_only, "calamine": calamine, "pandas": pandas,
    "libreoffice": libreoffice, "ssconvert": ssconvert,
}


def run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def csv_sheets(prefix):
    csv.field_size_limit(1 << 30)
    sheets = {}
    for path in glob.glob(glob.escape(prefix) + "*.csv"):
        with open(path, encoding="utf-8", newline="") as f:
            sheets[path[len(prefix):-len(".csv")]] = list(csv.reader(f))
    return sheets


def text(cell):
    if cell is None:
        return ""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return f"{NUMBER}{cell:g}"
    return cell if isinstance(cell, str) else f"<{type(cell).__name__}> {cell}"


def trimmed(rows):
    """The rows as texts, without what is empty at the end of a row and of the sheet."""
    done = []
    for row in rows:
        cells = [text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        done.append(cells)
    while done and not done[-1]:
        done.pop()
    return done


def shown(reader, cell):
    if reader in BY_WAY_OF_CSV:
        cell = cell.removeprefix(NUMBER)
    for written, seen in QUIRKS.get(reader, []):
        cell = cell.replace(written, seen)
    return cell


def differences(reader, want, got):
    """Yields a line for each thing that is not as wanted."""
    if sorted(want) != sorted(got):
        yield f"sheets: wanted {sorted(want)}, got {sorted(got)}"
    for name in want:
        rows = [[shown(reader, cell) for cell in row] for row in trimmed(want[name])]
        seen = got.get(name, [])
        if len(rows) != len(seen):
            yield f"sheet {name}: wanted {len(rows)} rows, got {len(seen)}"
        for number, (row, other) in enumerate(zip(rows, seen), 1):
            if len(row) != len(other):
                yield f"{name}, row {number}: wanted {len(row)} cells, got {len(other)}"
            for column, (cell, found) in enumerate(zip(row, other), 1):
                if cell != found:
                    yield f"{name}, row {number}, cell {column}: wanted {excerpt(cell)}, got {excerpt(found)}"


def excerpt(cell):
    return ascii(cell) if len(cell) < 80 else f"{ascii(cell[:30])}…{ascii(cell[-30:])} ({len(cell)} characters)"


def main(reader, path, mode=None, want=None):
    got = {name: trimmed(rows) for name, rows in READERS[reader](os.path.abspath(path)).items()}
    if mode == "--expect":
        with open(want, encoding="utf-8") as f:
            found = list(differences(reader, json.load(f), got))
        print("\n".join(found[:20] + [f"… {len(found) - 20} more"] * (len(found) > 20)))
        return 1 if found else 0
    if mode == "--summary":
        row = lambda rows, at: rows[at] if rows and at < len(rows) else None
        got = {name: {"rows": len(rows), "first": row(rows, 0), "second": row(rows, 1), "last": row(rows, -1)}
               for name, rows in got.items()}
    sys.stdout.buffer.write(json.dumps(got, ensure_ascii=True).encode())
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in READERS:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
