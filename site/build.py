"""Build the site into build/site: python site/build.py. Runs no notebook and needs no network.

A warning of Sphinx or a dead link fails the build.
"""

import shutil
import sys
import time
from pathlib import Path

from links import dead_links
from sphinx.cmd.build import build_main
from stage import ROOT, repository, stage

SOURCE, SITE, CACHE = (ROOT / "build" / name for name in ("site-source", "site", "site-cache"))


def main():
    started = time.perf_counter()
    stage(SOURCE, repository())
    shutil.rmtree(SITE, ignore_errors=True)
    arguments = ["-c", ROOT / "site", "-d", CACHE, "-b", "html", "-q", "-W", "--keep-going", "-E", SOURCE, SITE]
    if status := build_main([str(argument) for argument in arguments]):
        return status
    dead = dead_links(SITE, repository())
    for link in dead:
        print(link, file=sys.stderr)
    pages = len(list(SITE.rglob("*.html")))
    print(f"site: {pages} pages in {Path(SITE).relative_to(ROOT)}, {time.perf_counter() - started:.0f} s, "
          f"{len(dead)} dead links")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
