"""Reading the markup of a front panel, for the tests beside this file."""

from html.parser import HTMLParser


class Elements(HTMLParser):
    """The start tags of a markup with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[dict[str, str]] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append({"tag": tag, **{name: value or "" for name, value in attrs}})

    def having(self, attribute: str) -> list[dict[str, str]]:
        return [tag for tag in self.tags if attribute in tag]
