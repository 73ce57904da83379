// The dashboard's files, as they are in the folder `page`, within the executable.
#ifndef DASHBOARD_PAGE_H
#define DASHBOARD_PAGE_H

#include <stddef.h>

typedef struct {
  const char *name;
  const char *media_type;
  const unsigned char *bytes;
  size_t size;
} dashboard_file;

/// The file at a place, or one without a name after the last.
dashboard_file dashboard_page_file(size_t index);

#endif
