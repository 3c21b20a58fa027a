// SPDX-License-Identifier: Apache-2.0
//
// A connection that a handler takes over after its response with status 101.
#include "http/h1/taken_over.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "http/h1/testing/imitated_world.h"

namespace remuda::http::h1 {
namespace {

using loop::Task;
using std::chrono::seconds;
using testing::Echo;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

struct Upgraded : World {
  Upgraded() {
    service.answer = [this](Exchange& exchange) { return upgrade(exchange); };
  }
  Task<void> upgrade(Exchange& exchange) {
    exchange.response.status = 101;
    exchange.response.fields.add("Upgrade", "echo");
    exchange.response.takeover = &echo;
    co_return;
  }
  Echo echo;
};

TEST(Takeover, GetsTheBytesThatFollow) {
  Upgraded world;
  world.backend.put(world.far,
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst");
  std::string first;
  world.backend.after(seconds(1), [&] {
    first = world.backend.take(world.far);
    world.backend.put(world.far, "second");
    world.backend.end_sending(world.far);
  });
  EXPECT_EQ(world.run(), "second");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(first, EndsWith("\r\n\r\nfirst"));
  EXPECT_EQ(world.service.log.at(0).record.status, 101);
}

TEST(Takeover, BeginsAfterTheBodyOfTheRequest) {
  Upgraded world;
  const std::string response = world.serve(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: "
      "4\r\n\r\nbodyfirst");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(response, EndsWith("\r\n\r\nfirst"));
}

TEST(Takeover, IsNotCutByADrainingServer) {
  Upgraded world;
  world.service.close_after_response = true;
  const std::string response =
      world.serve("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst");
  EXPECT_THAT(response, EndsWith("\r\n\r\nfirst"));
  EXPECT_THAT(response, Not(HasSubstr("close")));
}

}  // namespace
}  // namespace remuda::http::h1
