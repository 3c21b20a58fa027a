// SPDX-License-Identifier: Apache-2.0
//
// FastcgiTest: a FastcgiWire in its deterministic world; the test is the application.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "gateway/fastcgi/fastcgi_wire.h"
#include "gateway/testing/conversation_world.h"
#include "gateway/testing/fastcgi_application.h"

namespace remuda::gateway::testing {

inline const std::string kGet = std::string("REQUEST_METHOD=GET\0SCRIPT_NAME=/a\0", 34);
inline const std::string kPost = std::string("REQUEST_METHOD=POST\0CONTENT_LENGTH=4\0", 37);

class FastcgiTest : public ::testing::Test {
 protected:
  using World = ConversationWorld<fastcgi::FastcgiWire>;

  void SetUp() override {
    options_.multiplex = Multiplex::kOff;
    make();
  }
  void make() {
    world_.reset();
    world_.emplace(backend_, loop_, options_);
  }
  Question get() const { return {.variables = kGet, .request = 1}; }
  Question post() const { return {.variables = kPost, .request = 1}; }
  // One whole request on connection `at`.
  void exchange(size_t at, std::string_view text = "Content-Type: a/b\n\nhi") {
    Answer answer;
    world_->ask(answer, get());
    world_->turn();
    EXPECT_EQ(outline(world_->sent(at)), "1:1 4:1 4:1 5:1");
    world_->answer(whole_answer(1, text), at);
    world_->turn();
    EXPECT_TRUE(answer.done);
    EXPECT_EQ(answer.text, text);
    EXPECT_EQ(answer.verdict.kind, Verdict::Kind::kWhole);
  }
  size_t idle() const { return world_->endpoint.connections->idle(); }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  WireOptions options_;
  std::optional<World> world_;
};

}  // namespace remuda::gateway::testing
