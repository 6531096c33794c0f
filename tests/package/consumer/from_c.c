#include <julu.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  julu_store store = 0;
  julu_store_options options = {0};
  julu_error error = {0};
  options.size = sizeof(options);
  error.size = sizeof(error);
  printf("%s %u %s\n", julu_version(), (unsigned)julu_abi_version(),
         julu_error_name(julu_store_open(&options, &store, &error)));
  return strcmp(error.field, "directory") == 0 && julu_live_handles() == 0 ? 0 : 1;
}
