/* julu.h is C99, and two inclusions are one. */
#include "julu.h"
#include "julu.h"

int header_is_c99(void);
int header_is_c99(void) {
  julu_photo photo = {sizeof(julu_photo), JULU_PHOTO_PATH, {0, 0}, {0, 0}, -1, 0, 0};
  return (int)photo.size + JULU_ABI_VERSION;
}
