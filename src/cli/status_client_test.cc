// SPDX-License-Identifier: Apache-2.0
//
// Answers as they come, cut off, late, or never.
#include "cli/status_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace remuda::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ParseAnswer, TakesAWholeOne) {
  const auto answer = parse_answer("HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-length: 2\r\n\r\n{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->content, "{}");
}

TEST(ParseAnswer, RefusesEverythingElse) {
  const std::string_view whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_answer(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\n\r\n{}"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n{}"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\n{}"));
  EXPECT_FALSE(parse_answer("SSH-2.0-OpenSSH\r\n\r\n"));
}

// A socket on which the test itself answers.
class StatusClient : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "remuda_client_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/s";
    listener_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_.get(), 0), 0);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  StatusRequest send(std::string_view method = "GET") {
    auto request = StatusRequest::send(path_, method, "/status", StatusRequest::Clock::now() + 1s);
    EXPECT_TRUE(request);
    server_ = base::Fd(::accept(listener_.get(), nullptr, nullptr));
    return std::move(*request);
  }
  void answer(std::string_view bytes) {
    EXPECT_EQ(::write(server_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  static auto soon() { return StatusRequest::Clock::now() + 20ms; }

  std::string directory_;
  std::string path_;
  base::Fd listener_;
  base::Fd server_;
};

TEST_F(StatusClient, AsksAsHttpWantsIt) {
  const StatusRequest request = send("POST");
  std::array<char, 1000> room{};
  const ssize_t got = ::read(server_.get(), room.data(), room.size());
  EXPECT_EQ(std::string_view(room.data(), static_cast<size_t>(got)),
            "POST /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(StatusClient, WaitsAgainForAnAnswerInPieces) {
  StatusRequest request = send();
  EXPECT_FALSE(request.wait(soon()));
  answer("HTTP/1.1 200 OK\r\nConte");
  EXPECT_FALSE(request.wait(soon()));
  answer("nt-Length: 2\r\n\r\n{}");
  server_.reset();
  const auto result = request.wait(soon());
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((*result)->content, "{}");
}

TEST_F(StatusClient, SaysWhenTheServerLeft) {
  StatusRequest request = send();
  server_.reset();  // with a request unread: a reset
  const auto result = request.wait(soon());
  ASSERT_TRUE(result);
  ASSERT_FALSE(*result);
  EXPECT_THAT(result->error().what, StartsWith(path_ + ": "));
}

TEST_F(StatusClient, NeverWaitsLongerThanItIsTold) {
  const auto silent = ask_status(path_, "GET", "/status", 30ms);  // connected, but nobody accepts
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ETIMEDOUT);
  EXPECT_THAT(silent.error().what, HasSubstr("no answer from "));
  // It took the only place in the queue: now connecting is what waits.
  const auto full = ask_status(path_, "GET", "/status", 30ms);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ETIMEDOUT);
}

TEST_F(StatusClient, SaysWhyNobodyAnswers) {
  const auto code_of = [](const std::string& path) { return ask_status(path, "GET", "/", 1s).error().code; };
  EXPECT_EQ(code_of(directory_ + "/none"), ENOENT);
  EXPECT_EQ(code_of(std::string(200, 'x')), ENAMETOOLONG);
  listener_.reset();
  EXPECT_EQ(code_of(path_), ECONNREFUSED);
}

}  // namespace
}  // namespace remuda::cli
