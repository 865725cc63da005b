# SPDX-License-Identifier: Apache-2.0
"""The tables, as aligned text or in Markdown."""
import os
import re
import shutil
import statistics
import subprocess

NONE = "–"

# Program, arguments that make it tell its version, and where in what it says.
VERSIONS = (
    ("strace", ["-V"], r"version ([0-9.]+)"),
    ("perf", ["version"], r"version ([0-9.]+)"),
    ("bpftrace", ["--version"], r"v([0-9.]+)"),
    ("redis-server", ["--version"], r"v=([0-9.]+)"),
    ("nginx", ["-v"], r"nginx/([0-9.]+)"),
    ("wrk", ["-v"], r"wrk (?:debian/)?([0-9.]+)"),
    ("memcached", ["--version"], r"memcached ([0-9.]+)"),
    ("caddy", ["version"], r"v?([0-9.]+)"),
    ("psql", ["--version"], r"([0-9.]+)"),
    ("node", ["--version"], r"v([0-9.]+)"),
)


def said(argv):
    """All that a program says, whatever its exit status."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=20, text=True, errors="replace", check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def machine(whittle):
    """One line about where this was measured, and with what."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.MULTILINE)
    words = [f"{model.group(1).strip() if model else os.uname().machine}, {os.cpu_count()} cores",
             f"Linux {os.uname().release}", f"load average {os.getloadavg()[0]:.1f} at the start",
             said([whittle, "--version"]).strip().split("\n")[0]]
    for name, arguments, pattern in VERSIONS:
        match = re.search(pattern, said([name, *arguments])) if shutil.which(name) else None
        if match:
            words.append(f"{name} {match.group(1)}")
    return "; ".join(word for word in words if word)


def ratio(value):
    """A cell of the first table."""
    return NONE if value is None else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def amount(value):
    """A cell of the second."""
    return NONE if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def layout(rows, markdown):
    """Rows of cells, the first of them the heading; all but the first column are figures."""
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "| --- |" + " ---: |" * (len(rows[0]) - 1))
        return "\n".join(lines)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) if i else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def ratio_rows(data):
    """Workloads by ways."""
    ways = [way for way in data["ways"] if way != "native"]
    rows = [["", "native", *ways]]
    for name, workload in data["workloads"].items():
        native = [figure for figure in data["figures"].get(name, {}).get("native", []) if figure is not None]
        ratios = data["ratios"].get(name, {})
        rows.append([name, f"{statistics.median(native):,.0f} {workload['figure']}" if native else NONE,
                     *(ratio(ratios.get(way)) for way in ways)])
        for peer, values in data["against"].get(name, {}).items():
            if values:
                rows.append([f"{name}, times {peer}", "", *(ratio(values.get(way)) for way in ways)])
    if data["memory"]:
        for i, part in enumerate(("1/10", "1/2", "all")):
            cells = [data["memory"].get(way) for way in ways]
            rows.append([f"memory, {part}", "", *(f"{cell[i]:.1f} MB" if cell else NONE for cell in cells)])
    return rows


def stop_rows(data):
    """Workloads by those ways that say how often they stopped the program."""
    ways = [way for way in data["ways"] if any(way in of for of in data["stops"].values())]
    rows = [["stops per 1000", *ways]]
    for name, workload in data["workloads"].items():
        if name in data["stops"]:
            rows.append([f"{name}: {workload['work']}", *(amount(data["stops"][name].get(way)) for way in ways)])
    return rows if ways else None


def text(data, markdown):
    """All of it."""
    mark = "- " if markdown else "  "
    parts = [layout(ratio_rows(data), markdown)]
    stops = stop_rows(data)
    if stops:
        parts.append(layout(stops, markdown))
    legend = [f"traced / native: the median of {data['rounds']} rounds, interleaved" +
              (f"; memory: the tracer's own, resident, after a part of {data['events']:,} system calls"
               if data["memory"] else "") + (f"; {NONE}: not measured" if data["notes"] else "")]
    legend += [f"{name}: {workload['about']}" for name, workload in data["workloads"].items()]
    legend += [f"{way}: {about}" for way, about in data["ways"].items() if way != "native"]
    legend += data["notes"]
    parts.append("\n".join(mark + line for line in legend))
    parts.append(data["machine"])
    return "\n\n".join(parts)
