/* A program of the first published header (version 1 of the ABI), kept as it was: it has to run with every later library.
 * client DIRECTORY UNENCRYPTED: opens, captures, asks, watches, and prints what it sees. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "julu.h"

static julu_text text(const char* word) {
  julu_text made = {word, strlen(word)};
  return made;
}

static void must(int32_t code, const char* what) {
  if (code == JULU_OK) return;
  fprintf(stderr, "%s: %s\n", what, julu_error_name(code));
  exit(1);
}

static void wake(void* context) { ++*(int*)context; }

int main(int count, char** words) {
  uint8_t key[JULU_KEY_BYTES];
  julu_store store = 0;
  julu_sync sync = 0;
  julu_store_options options = {sizeof(julu_store_options), 0, {0, 0}, 0, 0, 0, 0, 0, 0};
  julu_saved saved = {sizeof(julu_saved), 0, 0, 0, "", {""}};
  julu_status status = {sizeof(julu_status), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  julu_error error = {sizeof(julu_error), 0, "", ""};
  julu_buf record = {0, 0};
  int wakes = 0;
  if (count != 3 || julu_abi_version() < JULU_ABI_VERSION) return 2;
  memset(key, 0x5A, sizeof(key));
  options.flags = strcmp(words[2], "1") == 0 ? JULU_UNENCRYPTED : 0;
  options.directory = text(words[1]);
  options.key = key;
  must(julu_store_open(&options, &store, &error), "open");
  must(julu_store_observe(store, wake, &wakes, 0, &error), "observe");
  must(julu_store_capture(store, text("visit"), text("{\"text\":\"走访\"}"), 0, 0,
                          text("01900000-0000-7000-8000-000000000001"), &saved, &error), "capture");
  must(julu_store_get(store, text(saved.id), &record, &error), "get");
  must(julu_store_status(store, &status, &error), "status");
  must(julu_sync_open(store, 0, &sync, &error), "sync");
  printf("%d %d %lld %d\n", wakes, record.length > 0 && strstr(record.data, saved.id) != 0, (long long)status.records,
         (int)julu_live_handles());
  julu_buf_free(&record);
  julu_sync_close(sync);
  julu_store_close(store);
  return 0;
}
