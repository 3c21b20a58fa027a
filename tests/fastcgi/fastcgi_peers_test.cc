// SPDX-License-Identifier: Apache-2.0
//
// The FastCGI wire before the programs of others: libfcgi, PHP, FCGI::Async, Go. What is measured of them in
// the tests of the wire alone is seen here to be so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>

#include <optional>

#include "gateway/fastcgi/fastcgi_wire.h"
#include "gateway/testing/fake_endpoint.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/epoll.h"
#include "loop/offload.h"
#include "tests/fastcgi/real_application.h"

namespace remuda::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using gateway::Conversation;
using gateway::Multiplex;
using gateway::Verdict;
using http::testing::FakeBody;

const std::string kHere = std::string(REMUDA_SOURCE_DIR) + "/tests/fastcgi/programs/";

int run_command(const std::vector<std::string>& command) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}

// A lease that counts.
class PlainLease final : public apps::Lease {
 public:
  PlainLease(apps::Endpoint& endpoint, int& live, std::vector<std::string>& terminated)
      : endpoint_(endpoint), live_(live), terminated_(terminated) {
    ++live_;
  }
  ~PlainLease() override { --live_; }
  apps::Endpoint* endpoint() override { return &endpoint_; }
  void terminate(std::string_view why) override { terminated_.emplace_back(why); }
  void finish(apps::Outcome) override {}
  void at(apps::Phase) override {}
  void watch_kill(loop::Scope*) override {}
  apps::Journey& journey() override { return journey_; }

 private:
  apps::Endpoint& endpoint_;
  int& live_;
  std::vector<std::string>& terminated_;
  apps::Journey journey_;
};

struct Answer {
  std::string text;
  Verdict verdict;
  bool done = false;

  std::string content() const {
    const size_t at = text.find("\r\n\r\n");
    return at == std::string::npos ? "(no header) " + text : text.substr(at + 4);
  }
};

class FastcgiPeers : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    directory_ = std::filesystem::temp_directory_path() / ("remuda-peers-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    backend_ = std::move(*loop::EpollBackend::create());
    loop_.emplace(*backend_);
    beside_.emplace(*loop_);
    make_wire(Multiplex::kAuto);
  }
  void TearDown() override {
    until([&] { return loop_->root().children() == 0; });
    EXPECT_EQ(live_, 0);
    application_.reset();
    stop_wire();
    beside_.reset();
    EXPECT_EQ(backend_->open_descriptors(), 0U);
    loop_.reset();
    std::filesystem::remove_all(directory_);
  }
  void make_wire(Multiplex multiplex) {
    if (wire_) stop_wire();
    beside_.emplace(*loop_);
    options_.multiplex = multiplex;
    options_.name = "app";
    wire_.emplace(*loop_, offload_, log_, options_);
    endpoint_.emplace(*loop_, socket_path());
    beside_->spawn(wire_->run());
  }
  void stop_wire() {
    beside_->cancel();
    while (beside_->children() > 0) loop_->turn(loop_->now() + 20ms);
    endpoint_.reset();
    wire_.reset();
  }
  std::string socket_path() const { return (directory_ / "socket").string(); }
  void start(const std::vector<std::string>& command, const std::vector<std::string>& environment = {}) {
    application_.emplace(socket_path(), command, environment);
  }
  bool start_libfcgi() {
    const std::string program = (directory_ / "libfcgi").string();
    if (run_command({"cc", "-o", program, kHere + "libfcgi.c", "-lfcgi"}) != 0) return false;
    start({program});
    return true;
  }

  template <typename Condition>
  bool until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < limit) loop_->turn(loop_->now() + 5ms);
    return condition();
  }

  static std::string variables(const std::string& path, const std::string& method, size_t length) {
    const std::string name = path.substr(0, path.find('?'));
    std::string block = "REQUEST_METHOD=" + method + '\0' + "SCRIPT_NAME=" + name + '\0';
    block += "REQUEST_URI=" + path + '\0' + "PATH_INFO=" + name + '\0';
    block += "SCRIPT_FILENAME=" + kHere + "echo.php\0"s + "REDIRECT_STATUS=200\0"s;
    block += "SERVER_PROTOCOL=HTTP/1.1\0SERVER_NAME=localhost\0SERVER_PORT=80\0REMOTE_ADDR=127.0.0.1\0"s;
    block += "GATEWAY_INTERFACE=CGI/1.1\0HTTP_HOST=localhost\0"s;
    block += "QUERY_STRING="s + (path.find('?') == std::string::npos ? "" : path.substr(path.find('?') + 1));
    block += '\0';
    if (method == "POST")
      block += "CONTENT_LENGTH=" + std::to_string(length) + '\0' + "CONTENT_TYPE=text/plain\0"s;
    return block;
  }
  static loop::Task<void> read_all(std::shared_ptr<Conversation> conversation, Answer& answer) {
    std::vector<std::byte> room(16 * 1024);
    while (true) {
      const auto got = co_await conversation->read(room, loop::kNever);
      if (!got || *got == 0) break;
      answer.text.append(reinterpret_cast<const char*>(room.data()), *got);
    }
    co_await conversation->stop_input();
    answer.verdict = co_await conversation->ended(1s);
    conversation->let_go(Conversation::Debt::kPaid);
    answer.done = true;
  }
  std::shared_ptr<Conversation> begin(Answer& answer, const std::string& path, http::Body* body = nullptr,
                                      size_t length = 0) {
    const std::string block = variables(path, body == nullptr ? "GET" : "POST", length);
    auto conversation = wire_->converse(std::make_unique<PlainLease>(*endpoint_, live_, terminated_),
                                        {.variables = block, .request = 1});
    conversation->begin(body);
    loop_->root().spawn(read_all(conversation, answer));
    return conversation;
  }
  Answer get(const std::string& path) {
    Answer answer;
    begin(answer, path);
    EXPECT_TRUE(until([&] { return answer.done && live_ == 0; })) << path;
    return answer;
  }
  Answer post(const std::string& path, const std::string& content) {
    FakeBody body({content});
    body.known_remaining = content.size();
    Answer answer;
    begin(answer, path, &body, content.size());
    EXPECT_TRUE(until([&] { return answer.done && live_ == 0; })) << path;
    return answer;
  }

  std::filesystem::path directory_;
  gateway::WireOptions options_;
  loop::Offload offload_{0, 16};
  gateway::testing::FakeLog log_;
  std::unique_ptr<loop::EpollBackend> backend_;
  std::optional<loop::Loop> loop_;
  std::optional<loop::Scope> beside_;
  std::optional<RealApplication> application_;
  std::optional<SocketEndpoint> endpoint_;
  std::optional<gateway::fastcgi::FastcgiWire> wire_;
  int live_ = 0;
  std::vector<std::string> terminated_;
};

// --- libfcgi

TEST_F(FastcgiPeers, LibfcgiKeepsItsConnection) {
  if (!start_libfcgi()) GTEST_SKIP() << "no libfcgi";
  const std::string pid = std::to_string(application_->pid());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/").content(), pid + " ");
  EXPECT_EQ(post("/", "some body").content(), pid + " some body");
  EXPECT_EQ(endpoint_->connects, 2) << "one for requests, one to ask whether it multiplexes";
  EXPECT_FALSE(endpoint_->its_capacity.multiplexes);
  const std::string body(300'000, 'b');
  EXPECT_EQ(post("/", body).content(), pid + " " + body);
  EXPECT_EQ(get("/large").content().size(), pid.size() + 1 + 20'000'000);
  EXPECT_EQ(get("/").content(), pid + " ");
  EXPECT_EQ(endpoint_->connects, 2);
}

TEST_F(FastcgiPeers, LibfcgiAnswersWithoutReading) {
  if (!start_libfcgi()) GTEST_SKIP() << "no libfcgi";
  const std::string pid = std::to_string(application_->pid());
  for (const size_t size : {10, 100'000, 3'000'000}) {
    EXPECT_EQ(post("/unread", std::string(size, 'b')).content(), pid + " ") << size;
    EXPECT_EQ(get("/").content(), pid + " ") << "after " << size;
  }
}

TEST_F(FastcgiPeers, LibfcgiSaysErrorsAndStatus) {
  if (!start_libfcgi()) GTEST_SKIP() << "no libfcgi";
  get("/errors");
  EXPECT_THAT(log_.errors, ::testing::ElementsAre("something is wrong"));
  const Answer answer = get("/status");
  EXPECT_EQ(answer.verdict.kind, Verdict::Kind::kWhole);
  EXPECT_EQ(answer.verdict.trouble, "the application ended the request with status 7");
}

TEST_F(FastcgiPeers, LibfcgiThatEndsIsNoticed) {
  if (!start_libfcgi()) GTEST_SKIP() << "no libfcgi";
  EXPECT_EQ(get("/exit").verdict.kind, Verdict::Kind::kWhole);
  EXPECT_TRUE(until([&] { return endpoint_->connections->idle() == 0; }));
}

TEST_F(FastcgiPeers, AClientThatLeavesLibfcgi) {
  if (!start_libfcgi()) GTEST_SKIP() << "no libfcgi";
  get("/");
  Answer answer;
  begin(answer, "/slow")->scope().cancel(ECONNRESET);
  EXPECT_TRUE(until([&] { return answer.done; }));
  EXPECT_EQ(live_, 1) << "it does not stop, so it is busy";
  EXPECT_TRUE(until([&] { return live_ == 0; }));
  EXPECT_THAT(terminated_, ::testing::IsEmpty());
  EXPECT_THAT(get("/").content(), ::testing::EndsWith(" "));
}

// --- PHP

TEST_F(FastcgiPeers, Php) {
  if (::access("/usr/bin/php-cgi", X_OK) != 0) GTEST_SKIP() << "no php-cgi";
  start({"/usr/bin/php-cgi"}, {"PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=5"});
  const std::string pid = std::to_string(application_->pid());
  EXPECT_EQ(get("/").content(), pid + " ");
  EXPECT_EQ(post("/", "some body").content(), pid + " some body");
  EXPECT_EQ(get("/?error=1").content(), pid + " ");
  EXPECT_THAT(log_.errors, ::testing::Contains(::testing::HasSubstr("something is wrong")));
  EXPECT_FALSE(endpoint_->its_capacity.multiplexes);
  const std::string body(200'000, 'b');
  EXPECT_EQ(post("/", body).content(), pid + " " + body);
  EXPECT_EQ(get("/").content(), pid + " ");
  EXPECT_TRUE(until([&] { return endpoint_->connections->idle() == 0; })) << "it ends after five requests";
  EXPECT_EQ(endpoint_->rules.idle, 8U);
}

// --- those that multiplex

class Multiplexing : public FastcgiPeers {
 protected:
  // Asks, then has a slow request and quick ones over one connection.
  void try_it(const std::string& slow, const std::string& quick) {
    ASSERT_TRUE(until([&] { return get(quick).verdict.kind == Verdict::Kind::kWhole; }));
    EXPECT_TRUE(until([&] { return endpoint_->its_capacity.multiplexes; }));
    EXPECT_GE(endpoint_->its_capacity.requests, 64U);
    const int before = endpoint_->connects;
    Answer late;
    std::array<Answer, 10> early;
    begin(late, slow);
    for (Answer& answer : early) begin(answer, quick);
    EXPECT_TRUE(until([&] { return std::ranges::all_of(early, &Answer::done); }));
    EXPECT_FALSE(late.done);
    EXPECT_TRUE(until([&] { return late.done; }));
    for (const Answer& answer : early) EXPECT_EQ(answer.verdict.kind, Verdict::Kind::kWhole);
    EXPECT_EQ(late.verdict.kind, Verdict::Kind::kWhole);
    EXPECT_EQ(endpoint_->connects, before);
  }
};

TEST_F(Multiplexing, FcgiAsync) {
  if (run_command({"perl", "-MFCGI::Async", "-e", "1"}) != 0) GTEST_SKIP() << "no FCGI::Async";
  start({"perl", std::string(REMUDA_SOURCE_DIR) + "/tests/scenario/applications/multiplexed.pl"});
  try_it("/slow?200", "/hello");
  EXPECT_EQ(post("/echo", "line\nother\n").content(), "line\nother\n");
}

TEST_F(Multiplexing, Go) {
  if (::access("/usr/bin/go", X_OK) != 0) GTEST_SKIP() << "no Go";
  const std::string program = (directory_ / "peer").string();
  if (run_command({"env", "GO111MODULE=off", "go", "build", "-o", program, kHere + "peer.go"}) != 0)
    GTEST_SKIP() << "Go does not build";
  start({program});
  try_it("/slow", "/quick");
  EXPECT_EQ(post("/x", "a body").content(), "/x a body");
}

}  // namespace
}  // namespace remuda::testing
