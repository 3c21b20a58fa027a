// SPDX-License-Identifier: Apache-2.0
//
// What may be run, checked without trust in who asks: the program beneath its application's root, the
// variables that a request may bring. And why exec failed, said as a person would.
//
// Spawner's process only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "spawner/protocol.h"
#include "spawner/spawner.h"

namespace remuda::spawner {

struct Refusal {
  int error = 0;
  Step step = Step::kNone;
  std::string detail;
};

// The root of an application, opened anew after a second, so that a root that was replaced is seen.
class Root {
 public:
  explicit Root(std::string path) : path_(std::move(path)) {}

  // 0 if `program` is a file beneath the root, no link leads out of it, and it can be reached; else errno,
  // EXDEV for a way out.
  int check(std::string_view program, int64_t now_ns);

 private:
  int reopen(int64_t now_ns);

  std::string path_;
  base::Fd directory_;
  int64_t opened_ns_ = 0;
};

// Whether a request may set this variable ("NAME=value"): those of CGI. Everything else, LD_PRELOAD above
// all, comes from the application's rules.
bool may_be_set_by_request(std::string_view variable);

// The same, of an instance: where it is to listen, PORT or REMUDA_SOCKET.
bool may_be_set_by_pool(std::string_view variable);

// An argument of an instance with {port} and {socket} filled in from those, "NAME=value\0" one after the
// other.
std::string filled_in(std::string_view argument, std::string_view variables);

// Makes a plain failure of exec more exact by a look at the program.
Refusal explain_exec_failure(const char* program, int error);

}  // namespace remuda::spawner
