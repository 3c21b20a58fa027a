// SPDX-License-Identifier: Apache-2.0
//
// run_under_every_failure(): runs one story in the DeterministicBackend once cleanly, once moving a byte at a
// time, and then once for each of its operations and each error, that operation failing. After every run
// nothing may be left: no story, no coroutine frame, no pending operation, no descriptor, virtual or real.
//
//     EXPECT_THAT(run_under_every_failure([](DeterministicBackend& backend, Loop& loop) {
//       const auto [near, far] = backend.connection();
//       backend.put(far, "request");
//       loop.root().spawn(serve(LoopFd(loop, base::Fd(near))));
//       loop.run();
//       if (!backend.has_failed()) EXPECT_EQ(backend.take(far), "response");
//     }), testing::IsEmpty());
//
// For tests only. The story is called often: it makes its world anew each time.
#pragma once

#include <array>
#include <cerrno>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "loop/backend/deterministic.h"
#include "loop/loop.h"

namespace remuda::loop {

// Spawns what it tests on the loop's root scope; what it does not run to its end is run after it.
using StoryUnderTest = std::function<void(DeterministicBackend&, Loop&)>;

// The peer leaves, time is up, the system is short of something, the server stops.
constexpr std::array kUsualErrors = {ECONNRESET, ETIMEDOUT, ENOBUFS, ECANCELED};

// One line for everything that was left behind: "operation 3 fails with ECONNRESET: 1 descriptor left open".
std::vector<std::string> run_under_every_failure(const StoryUnderTest& story,
                                                 std::span<const int> errors = kUsualErrors);

}  // namespace remuda::loop
