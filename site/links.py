"""Every link of the built site that leads nowhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]


class Page(HTMLParser):
    """What a page links to, what it loads, and what in it can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]


def dead_links(site, repository):
    """One line for each link that leads to no file, to no place in its file, or to nothing in the repository."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    return [
        f"{path.relative_to(site)}: {link} leads nowhere"
        for path, page in pages.items()
        for link in dict.fromkeys(page.links)
        if not leads_somewhere(link, path, pages, repository)
    ]


def leads_somewhere(link, path, pages, repository):
    parts = urlsplit(link)
    if parts.scheme in ("http", "https"):
        return in_the_repository(parts, repository)
    if parts.scheme:
        return parts.scheme in ("data", "mailto")
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return False
    return not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].anchors


def in_the_repository(parts, repository):
    """Whether an address within our repository names a file that is there; other sites cannot be asked from here."""
    for address in (f"/{repository}/blob/main/", f"/github/{repository}/blob/main/", f"/{repository}/tree/main/"):
        if repository and parts.path.startswith(address):
            return (ROOT / unquote(parts.path.removeprefix(address))).exists()
    return True
