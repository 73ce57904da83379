#include "dashboard_page.h"

// An extension in the C that SwiftPM compiles by default, and the language in C23.
#pragma clang diagnostic ignored "-Wc23-extensions"

#define FILE_BYTES(name) static const unsigned char name[]

FILE_BYTES(index_html) = {
#embed "page/index.html"
};
FILE_BYTES(style_css) = {
#embed "page/style.css"
};
FILE_BYTES(app_js) = {
#embed "page/app.js"
};
FILE_BYTES(dom_js) = {
#embed "page/dom.js"
};
FILE_BYTES(charts_js) = {
#embed "page/charts.js"
};
FILE_BYTES(views_js) = {
#embed "page/views.js"
};
FILE_BYTES(episodes_js) = {
#embed "page/episodes.js"
};
FILE_BYTES(icon_svg) = {
#embed "page/icon.svg"
};

#define ENTRY(name, type, bytes) {name, type, bytes, sizeof bytes}
#define JAVASCRIPT "text/javascript; charset=utf-8"

static const dashboard_file files[] = {
    ENTRY("index.html", "text/html; charset=utf-8", index_html),
    ENTRY("style.css", "text/css; charset=utf-8", style_css),
    ENTRY("app.js", JAVASCRIPT, app_js),
    ENTRY("dom.js", JAVASCRIPT, dom_js),
    ENTRY("charts.js", JAVASCRIPT, charts_js),
    ENTRY("views.js", JAVASCRIPT, views_js),
    ENTRY("episodes.js", JAVASCRIPT, episodes_js),
    ENTRY("icon.svg", "image/svg+xml", icon_svg),
};

dashboard_file dashboard_page_file(size_t index) {
  const dashboard_file none = {0};
  return index < sizeof files / sizeof *files ? files[index] : none;
}
