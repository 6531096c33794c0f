// A worker's phone: its store and Syncer as a shell has them, and a second pair on the same file where one is wanted.
// Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <julu/store.h>
#include <julu/syncer.h>

#include "clocks.h"
#include "findings.h"
#include "front.h"
#include "scripted_transport.h"

namespace julu::walk {

class Handset {
 public:
  /// Enrols and opens. Whatever cannot be opened ends the walk: std::runtime_error.
  Handset(std::string worker, const std::string& root, Front& front, test::ManualClock& clock, Random& random,
          Findings& findings);

  Store& store() { return *shell_.store; }
  const std::string& worker() const { return worker_; }
  bool is_suspended() const { return shell_.suspended; }

  void suspend();
  void resume();
  /// As after the end of the process.
  void close() { shell_.syncer.reset(), shell_.store.reset(); }
  void open();
  /// As the upkeep does with a file in which it found damage; only while it is closed.
  void set_file_aside();
  void open_second();
  bool has_second() const { return second_.store != nullptr; }
  void take_the_other() { std::swap(shell_, second_); }
  void sync(std::chrono::milliseconds at_most);
  std::vector<Record> parked();

 private:
  struct Shell {
    std::unique_ptr<Store> store = {};
    std::unique_ptr<Syncer> syncer = {};
    bool suspended = false;
  };

  std::string worker_;
  test::ManualClock& clock_;
  Random& random_;
  Findings& findings_;
  test::ScriptedTransport transport_;
  StoreKey key_{};
  std::string directory_;
  Shell shell_;
  Shell second_;
};

}  // namespace julu::walk
