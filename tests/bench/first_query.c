/* What a shell waits for at its start, in a process that has done nothing yet: the library is loaded, a store opened and
 * the first page asked. Prints the microseconds of each. The key is that of tests/support/county.
 *
 *   first_query LIBRARY DIRECTORY encrypted|plain */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "julu.h"

static long long now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* ISO C has no cast from an object's address to a function's. */
static int find(void* library, const char* name, void* function) {
  void* found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

int main(int count, char** words) {
  int32_t (*open_store)(const julu_store_options*, julu_store*, julu_error*);
  int32_t (*list)(julu_store, julu_text, julu_buf*, julu_error*);
  uint8_t key[JULU_KEY_BYTES];
  julu_store_options options;
  julu_store store = 0;
  julu_text all;
  julu_buf page;
  long long start, loaded, opened;
  void* library;

  if (count != 4) return 2;
  memset(key, 0x5A, sizeof key);
  memset(&options, 0, sizeof options);
  memset(&all, 0, sizeof all);
  memset(&page, 0, sizeof page);
  options.size = sizeof options;
  options.directory.data = words[2];
  options.directory.length = strlen(words[2]);
  if (strcmp(words[3], "encrypted") == 0) options.key = key;
  else options.flags = JULU_UNENCRYPTED;

  start = now_us();
  library = dlopen(words[1], RTLD_NOW);
  if (library == NULL) return 1;
  if (!find(library, "julu_store_open", &open_store) || !find(library, "julu_store_list", &list)) return 1;
  loaded = now_us();
  if (open_store(&options, &store, NULL) != JULU_OK) return 1;
  opened = now_us();
  if (list(store, all, &page, NULL) != JULU_OK || page.length < 3) return 1;
  printf("%lld %lld %lld\n", loaded - start, opened - loaded, now_us() - opened);
  return 0;
}
