#pragma once

// librsvg's own header needs GLib's, which need compiler flags that only pkg-config knows, and of
// those SwiftPM prohibits -pthread with a warning in every build. So what is used of librsvg, all of
// it stable since 2.52, is declared here as <librsvg/rsvg.h>, <glib.h> and <glib-object.h> have it.

#include <cairo/cairo.h>

typedef struct _RsvgHandle RsvgHandle;

typedef struct {
  double x;
  double y;
  double width;
  double height;
} RsvgRectangle;

typedef struct {
  unsigned int domain;
  int code;
  char *message;
} GError;

RsvgHandle *rsvg_handle_new_from_data(
    const unsigned char *data, unsigned long data_len, GError **error);

int rsvg_handle_get_intrinsic_size_in_pixels(
    RsvgHandle *handle, double *out_width, double *out_height);

int rsvg_handle_render_document(
    RsvgHandle *handle, cairo_t *cr, const RsvgRectangle *viewport, GError **error);

void g_object_unref(void *object);

void g_error_free(GError *error);
