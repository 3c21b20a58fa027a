// SPDX-License-Identifier: Apache-2.0
//
// What FastcgiProber says of applications that are well, ill, silent or not there.
#include "gateway/fastcgi/fastcgi_prober.h"

#include <gtest/gtest.h>

#include "gateway/testing/fastcgi_fixture.h"

namespace remuda::gateway::fastcgi {
namespace {

using namespace std::chrono_literals;
using testing::whole_answer;

TEST(FastcgiProber, SaysWhatIsWrong) {
  loop::DeterministicBackend backend;
  loop::Loop loop(backend);
  testing::FakeEndpoint endpoint(loop, backend);
  FastcgiProber prober(loop, {.root = "/srv"});
  std::string reply = "Status: 204\n\n";
  endpoint.connected = [&](int far) {
    loop.root().spawn(testing::serve_fastcgi(
        loop, far, [&](int request, const std::string&) { return whole_answer(request, reply); }));
  };
  const auto ask = [&](std::string_view path, int status) {
    base::Result<void> result;
    loop.root().spawn([](FastcgiProber& its, testing::FakeEndpoint& end, std::string_view at, int wanted,
                         loop::Time until, base::Result<void>& into) -> loop::Task<void> {
      into = co_await its.probe(end, at, wanted, until);
    }(prober, endpoint, path, status, loop.now() + 1s, result));
    loop.run();
    return result.has_value();
  };
  EXPECT_TRUE(ask("/health?x=1", 0));
  EXPECT_TRUE(ask("/health", 204));
  EXPECT_TRUE(ask("", 0));
  EXPECT_FALSE(ask("/health", 200));
  EXPECT_EQ(prober.trouble(), "it answered with status 204");
  reply = "";
  EXPECT_FALSE(ask("/health", 0));
  EXPECT_EQ(prober.trouble(), "it answered nothing");
  reply = "Status: 503\n\n";
  EXPECT_FALSE(ask("/health", 0));
  endpoint.connected = [](int) {};
  EXPECT_FALSE(ask("/health", 0));
  EXPECT_EQ(prober.trouble(), "no answer in time");
  endpoint.refuse = ECONNREFUSED;
  EXPECT_FALSE(ask("", 0));
  EXPECT_EQ(prober.trouble(), "no connection: Connection refused");
}

}  // namespace
}  // namespace remuda::gateway::fastcgi
