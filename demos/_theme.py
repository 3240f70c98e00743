"""Gradio's theme in the colours of the site; everything else is in `assets/site/site.css`."""

from __future__ import annotations

import gradio as gr

MARK = (
    '<svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">'
    '<path d="M3 16h3M8 12v8M12 7v18M16 3v26M20 9v14M24 13v6M27 16h2" fill="none" stroke="currentColor" '
    'stroke-width="2" stroke-linecap="round"/></svg>'
)


def theme() -> gr.themes.Base:
    """Base theme, our font first, nothing fetched."""
    fonts = ["Pretendard", "ui-sans-serif", "system-ui", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(font=fonts, font_mono=mono)
