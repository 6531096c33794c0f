#include <cstdio>

#include <julu/enrol.h>
#include <julu/store.h>
#include <julu/syncer.h>

int main() {
  const auto store = julu::Store::open({.directory = "/nowhere"});
  std::printf("%s\n", julu::message(store.error(), julu::Lang::zh).c_str());
  return store.error().code == julu::ErrorCode::store_missing ? 0 : 1;
}
