"""Gradio's theme in the colours of the site. The colours themselves are variables of `assets/site/site.css`."""

from __future__ import annotations

import gradio as gr

MARK = (
    '<svg class="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">'
    '<path d="M3 16h3M8 12v8M12 7v18M16 3v26M20 9v14M24 13v6M27 16h2" fill="none" stroke="currentColor" '
    'stroke-width="2" stroke-linecap="round"/></svg>'
)
SHADE = (
    '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><circle cx="12" cy="12" r="8.5" fill="none" '
    'stroke="currentColor" stroke-width="1.8"/><path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor"/></svg>'
)
CHAIN = (
    '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 '
    '0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1" fill="none" stroke="currentColor" '
    'stroke-width="1.8" stroke-linecap="round"/></svg>'
)
SCREEN = (
    '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M3 5h18M5 5v10h14V5M12 15v3M8.5 21 '
    '12 18l3.5 3" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)
MENU = (
    '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M4 7h16M4 12h16M4 17h10" '
    'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>'
)

COLOURS = {
    "body_background_fill": "paper", "background_fill_primary": "surface", "background_fill_secondary": "paper",
    "block_background_fill": "surface", "panel_background_fill": "surface", "border_color_primary": "rule",
    "block_border_color": "rule", "body_text_color": "ink", "body_text_color_subdued": "muted",
    "block_label_text_color": "muted", "block_label_background_fill": "surface", "block_title_text_color": "ink",
    "block_info_text_color": "muted", "link_text_color": "accent", "link_text_color_hover": "accent",
    "link_text_color_active": "accent", "link_text_color_visited": "accent", "color_accent": "accent",
    "color_accent_soft": "accent-soft", "border_color_accent": "accent", "slider_color": "accent",
    "input_background_fill": "field", "input_border_color": "line", "input_border_color_focus": "accent",
    "button_primary_background_fill": "accent", "button_primary_background_fill_hover": "accent-strong",
    "button_primary_text_color": "on-accent", "button_primary_border_color": "accent",
    "button_secondary_background_fill": "field", "button_secondary_background_fill_hover": "accent-soft",
    "button_secondary_text_color": "ink", "button_secondary_border_color": "line",
    "checkbox_background_color": "field", "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "line", "checkbox_border_color_selected": "accent",
    "checkbox_label_background_fill": "field", "checkbox_label_background_fill_selected": "accent-soft",
    "checkbox_label_text_color": "ink", "checkbox_label_text_color_selected": "ink",
    "checkbox_label_border_color": "line", "checkbox_label_border_color_selected": "accent",
    "code_background_fill": "field", "table_even_background_fill": "surface", "table_odd_background_fill": "paper",
    "table_border_color": "rule", "loader_color": "accent",
}  # fmt: skip


def theme() -> gr.themes.Base:
    """Base theme in our colours and font; nothing is fetched."""
    fonts = ["Pretendard", "ui-sans-serif", "system-ui", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    look = gr.themes.Base(font=fonts, font_mono=mono, radius_size="sm", text_size="lg", spacing_size="md")
    both = {f"{name}{suffix}": f"var(--{colour})" for name, colour in COLOURS.items() for suffix in ("", "_dark")
            if hasattr(look, name + suffix) or not suffix}  # fmt: skip
    return look.set(**both, block_shadow="none", block_label_shadow="none", button_primary_shadow="none")
