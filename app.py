"""The site: `python app.py`, then open the address it prints."""

from demos import _page, _tab

if __name__ == "__main__":
    _page.serve(_tab.discover())
