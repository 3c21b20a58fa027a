// SPDX-License-Identifier: Apache-2.0
//
// TemplateJourney: what a template said while it loaded, as people read it: its steps with their times, and
// the last lines that it wrote.
//
//     import site: SyntaxError                     why, and in which step
//     start the interpreter 12.3 ms                every step
//     import site 4.5 ms
//     | Traceback (most recent call last):         the last lines
//
// All of it comes from the application: every text is cut, and control characters do not get through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::spawner {

class TemplateJourney {
 public:
  explicit TemplateJourney(int64_t began);

  // `at`: as the template says; never before the last step, nor after `now`.
  void step(int64_t at, std::string_view what, int64_t now);
  void ready(int64_t at, int64_t now);
  void line(std::string_view text);

  int64_t began() const { return steps_.front().at; }
  int64_t ready_at() const { return ready_; }
  const std::string& current_step() const { return steps_.back().what; }

  // A line for each step, until `now` where it is not ready.
  std::string steps(int64_t now) const;
  // Why it failed, below it the steps and the last lines: at most kMaxDetail bytes.
  std::string failure(std::string_view why, int64_t now) const;

 private:
  struct Step {
    int64_t at = 0;
    std::string what;
  };
  std::vector<Step> steps_;
  std::deque<std::string> lines_;
  int64_t ready_ = 0;
};

// At most `most` bytes, control characters replaced.
std::string clean_text(std::string_view text, size_t most);

// What a process writes, cut into lines. One that is too long is cut, and what nobody ends waits.
class LineCutter {
 public:
  void add(std::string_view bytes);
  // The next whole line, if there is one.
  bool take(std::string& line);
  // What is left without an end.
  bool take_rest(std::string& line);

 private:
  std::string pending_;
};

}  // namespace remuda::spawner
