"""The site: one file per tab (see `demos/_tab.py`), shared parts in `demos/_widgets.py`."""
