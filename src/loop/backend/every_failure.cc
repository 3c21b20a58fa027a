// SPDX-License-Identifier: Apache-2.0
//
// One run is one backend and one loop; what is counted before it is counted again after it.
#include "loop/backend/every_failure.h"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>

#include "loop/frame_allocator.h"

namespace remuda::loop {

namespace {

struct Run {
  std::string name;
  size_t failing_operation = 0;
  int error = 0;
  size_t largest_transfer = SIZE_MAX;
};

struct Outcome {
  size_t operations = 0;
  std::vector<std::string> complaints;
};

size_t real_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator listing("/proc/self/fd", error);
  return error ? 0 : static_cast<size_t>(std::distance(begin(listing), end(listing)));
}

Outcome perform_run(const StoryUnderTest& story, const Run& run) {
  Outcome outcome;
  auto expect = [&](size_t found, size_t wanted, std::string_view what) {
    if (found != wanted) outcome.complaints.push_back(fmt::format("{}: {} {}", run.name, found, what));
  };
  const size_t frames_before = live_frames();
  const size_t descriptors_before = real_descriptors();
  {
    DeterministicBackend backend;
    backend.set_largest_transfer(run.largest_transfer);
    if (run.failing_operation != 0) backend.fail_operation(run.failing_operation, run.error);
    Loop loop(backend);
    story(backend, loop);
    loop.run();
    outcome.operations = backend.operations_started();
    expect(backend.was_stuck() ? 1 : 0, 0, "story waited for ever");
    expect(backend.pending_operations(), 0, "operations left pending");
    expect(backend.open_descriptors(), 0, "descriptors left open");
  }
  expect(live_frames(), frames_before, fmt::format("coroutine frames, {} before", frames_before));
  expect(real_descriptors(), descriptors_before,
         fmt::format("real descriptors, {} before", descriptors_before));
  return outcome;
}

}  // namespace

std::vector<std::string> run_under_every_failure(const StoryUnderTest& story, std::span<const int> errors) {
  std::vector<std::string> complaints;
  auto perform = [&](const Run& run) {
    Outcome outcome = perform_run(story, run);
    std::ranges::move(outcome.complaints, std::back_inserter(complaints));
    return outcome.operations;
  };
  const size_t operations = perform({.name = "no failure"});
  perform({.name = "a byte at a time", .largest_transfer = 1});
  for (size_t number = 1; number <= operations; ++number) {
    for (const int error : errors) {
      perform({.name = fmt::format("operation {} fails with {}", number, strerrorname_np(error)),
               .failing_operation = number,
               .error = error});
    }
  }
  return complaints;
}

}  // namespace remuda::loop
