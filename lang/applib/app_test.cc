// SPDX-License-Identifier: Apache-2.0
//
// remuda_app.h as a program uses it, over one end of a socket pair: waiting and not waiting, events, threads,
// the end, memory refused at every place.
#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "remuda_app.h"
#include "testing_program.h"

namespace remuda::app {
namespace {

using testing::begin;
using testing::is_readable;
using testing::pair;
using testing::Program;
using testing::record;
using testing::request;
using testing::stream;
using testing::unread_body;

TEST_F(Program, AcceptsReadsAnswers) {
  open();
  send(request(1, {{"NAME", "value"}, {"FCGI_DATA_LENGTH", "12"}}, "the body"));
  remuda_request* asked = remuda_accept(app_);
  ASSERT_NE(asked, nullptr);
  EXPECT_STREQ(remuda_param(asked, "NAME"), "value");
  EXPECT_EQ(remuda_param(asked, "OTHER"), nullptr);
  EXPECT_EQ(remuda_param_count(asked), 2U);
  EXPECT_EQ(remuda_role(asked), static_cast<unsigned>(REMUDA_RESPONDER));
  EXPECT_EQ(remuda_data_size(asked), 12);
  EXPECT_EQ(remuda_data_time(asked), -1);
  const char* bytes = nullptr;
  ASSERT_EQ(remuda_peek(asked, &bytes), 8);
  remuda_skip(asked, 4);
  char rest[16];
  ASSERT_EQ(remuda_read(asked, rest, 2), 2);
  ASSERT_EQ(remuda_read(asked, rest + 2, 14), 2);
  EXPECT_EQ(std::string(rest, 4), "body");
  EXPECT_EQ(remuda_read(asked, rest, 16), 0);
  EXPECT_EQ(remuda_printf(asked, "%s %d", std::string(3000, 'x').c_str(), 7), 3002);
  EXPECT_EQ(remuda_logf(asked, "line %d\n", 1), 7);
  EXPECT_EQ(remuda_aborted(asked), 0);
  EXPECT_EQ(remuda_finish(asked, 5), 0);
  EXPECT_EQ(wait_for(1).output, std::string(3000, 'x') + " 7");
  EXPECT_EQ(answers_[1].log, "line 1\n");
  EXPECT_EQ(answers_[1].status, 5U);
}

TEST_F(Program, WaitsNoLongerThanAsked) {
  open();
  EXPECT_EQ(remuda_accept_within(app_, 0), nullptr);
  EXPECT_EQ(errno, ETIMEDOUT);
  EXPECT_EQ(remuda_accept_within(app_, 20), nullptr);
  EXPECT_EQ(errno, ETIMEDOUT);
  send(request(1, {}));
  remuda_request* asked = remuda_accept_within(app_, 0);
  ASSERT_NE(asked, nullptr) << "what has arrived is found without waiting";
  remuda_finish(asked, 0);
}

TEST_F(Program, EndsWithItsOnlyConnection) {
  open();
  leave();
  EXPECT_EQ(remuda_accept(app_), nullptr);
  EXPECT_EQ(errno, 0);
}

TEST_F(Program, HoldsSeveral) {
  open();
  send(request(1, {}) + request(2, {}) + request(3, {}));
  remuda_request* held[3];
  for (auto& one : held) one = remuda_accept(app_);
  for (int i : {2, 0, 1}) remuda_finish(held[i], 0);
  wait_for(2);
  EXPECT_EQ(answers_.order.back().second, 2);
}

TEST_F(Program, AnAbortIsNoticed) {
  open();
  send(request(1, {}));
  remuda_request* asked = remuda_accept(app_);
  send(record(RecordType::kAbortRequest, 1, ""));
  EXPECT_EQ(remuda_aborted(asked), 1);
  char byte;
  EXPECT_EQ(remuda_read(asked, &byte, 1), -1);
  EXPECT_EQ(errno, ECANCELED);
  EXPECT_EQ(remuda_flush(asked), -1);
  EXPECT_EQ(remuda_finish(asked, 0), -1);
  EXPECT_EQ(wait_for(1).output, "");
}

TEST_F(Program, AWaitingReaderLearnsThatTheServerLeft) {
  open();
  send(begin(1) + stream(RecordType::kParams, 1, ""));
  remuda_request* asked = remuda_accept(app_);
  std::thread server([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    leave();
  });
  char byte;
  EXPECT_EQ(remuda_read(asked, &byte, 1), -1);
  EXPECT_EQ(errno, ECANCELED);
  server.join();
  EXPECT_EQ(remuda_finish(asked, 0), -1);
}

TEST_F(Program, OptionsAreChecked) {
  remuda_options wrong = options_;
  wrong.roles = 8;
  EXPECT_EQ(remuda_open(&wrong), nullptr);
  EXPECT_EQ(errno, EINVAL);
  wrong = options_;
  wrong.size = 4;
  EXPECT_EQ(remuda_open(&wrong), nullptr);
  EXPECT_EQ(errno, EINVAL);
  open();
}

TEST_F(Program, AnyConcurrencyIsPossible) {
  options_.concurrency = 0x80000000U;
  open();
  send(request(1, {}));
  remuda_request* asked = remuda_accept_within(app_, 1000);
  ASSERT_NE(asked, nullptr);
  remuda_finish(asked, 0);
}

// As a program has it that a CGI program starts with one connection.
TEST_F(Program, IsNoCgiBecauseItsParentIs) {
  setenv("REQUEST_METHOD", "GET", 1);
  open();
  unsetenv("REQUEST_METHOD");
  EXPECT_EQ(remuda_is_cgi(app_), 0);
}

// Quick requests with three slow ones among them. The first comes before any answer waits; the second may
// hold up what waits then; the third must not, as the second has shown what may happen.
TEST_F(Program, ASlowRequestHoldsUpAnswersOnceAtMost) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kSlow = std::chrono::milliseconds(200);
  constexpr uint16_t kCount = 300;
  constexpr uint16_t kFirst = 40;
  constexpr uint16_t kSecond = 150;
  constexpr uint16_t kThird = 250;
  options_.concurrency = kCount;
  open();
  std::string wire;
  for (uint16_t id = 1; id <= kCount; ++id) wire += request(id, {});
  send(wire);
  std::vector<Clock::time_point> arrived(kCount + 1);
  std::thread reader([&] {
    while (answers_.ended() < kCount && !HasFatalFailure()) {
      read_some();
      for (const auto& [id, answer] : answers_.by_id) {
        if (answer.ended && arrived[id] == Clock::time_point()) arrived[id] = Clock::now();
      }
    }
  });
  std::vector<Clock::time_point> finished(kCount + 1);
  for (uint16_t id = 1; id <= kCount; ++id) {
    remuda_request* asked = remuda_accept(app_);
    if (id == kFirst || id == kSecond || id == kThird) std::this_thread::sleep_for(kSlow);
    remuda_finish(asked, 0);
    finished[id] = Clock::now();
  }
  EXPECT_EQ(remuda_accept_within(app_, 0), nullptr);
  reader.join();
  for (uint16_t id = 1; id < kThird; ++id) {
    if (id <= kFirst || id > kSecond) EXPECT_LT(arrived[id] - finished[id], kSlow / 2) << id;
  }
}

// --- events

struct Events {
  remuda_request* request = nullptr;
  std::string body;
  size_t left = 0;
  int readable = 0;
  int writable = 0;
  int aborted = 0;
  bool ended = false;

  void read() {
    char bytes[100];
    ssize_t got;
    while ((got = remuda_read_now(request, bytes, sizeof(bytes))) > 0)
      body.append(bytes, static_cast<size_t>(got));
    ended = got == 0;
    if (got < 0) {
      EXPECT_EQ(errno, EAGAIN);
    }
  }
  void write() {
    const std::string some(50'000, 'w');
    ssize_t taken = 1;
    while (left > 0 && taken > 0) {
      taken = remuda_write_now(request, some.data(), std::min(left, some.size()));
      if (taken > 0) left -= static_cast<size_t>(taken);
    }
    if (left == 0) remuda_finish(request, 0);
  }
};

remuda_handler handler_of(Events& events) {
  static const auto of = [](void* context) -> Events& { return *static_cast<Events*>(context); };
  remuda_handler handler{};
  handler.context = &events;
  handler.request = [](remuda_request* request, void* context) {
    of(context).request = request;
    of(context).read();
    return REMUDA_LATER;
  };
  handler.readable = [](remuda_request*, void* context) {
    ++of(context).readable;
    of(context).read();
  };
  handler.writable = [](remuda_request*, void* context) {
    ++of(context).writable;
    of(context).write();
  };
  handler.aborted = [](remuda_request* request, void* context) {
    ++of(context).aborted;
    remuda_finish(request, 1);
  };
  return handler;
}

TEST_F(Program, TheDescriptorAsksForTheFirstStep) {
  open();
  EXPECT_TRUE(is_readable(remuda_fd(app_)));
}

TEST_F(Program, EventsInSteps) {
  open();
  Events events;
  const remuda_handler handler = handler_of(events);
  EXPECT_EQ(remuda_step(app_, &handler, 0), 1);
  EXPECT_FALSE(is_readable(remuda_fd(app_)));
  send(begin(1) + stream(RecordType::kParams, 1, "") + record(RecordType::kStdin, 1, "one "));
  EXPECT_TRUE(is_readable(remuda_fd(app_)));
  EXPECT_EQ(remuda_step(app_, &handler, 0), 1);
  EXPECT_EQ(events.body, "one ");
  EXPECT_FALSE(is_readable(remuda_fd(app_)));
  send(stream(RecordType::kStdin, 1, "two"));
  EXPECT_EQ(remuda_step(app_, &handler, 1000), 1);
  EXPECT_EQ(events.body, "one two");
  EXPECT_TRUE(events.ended);
  EXPECT_EQ(events.readable, 1);
  events.left = 5'000'000;
  events.write();
  EXPECT_GT(events.left, 1'000'000U) << "it takes no more than it may hold";
  while (!answers_[1].ended) {
    read_some();
    ASSERT_EQ(remuda_step(app_, &handler, 0), 1);
  }
  EXPECT_EQ(answers_[1].output.size(), 5'000'000U);
  EXPECT_GT(events.writable, 5);
}

TEST_F(Program, AnAbortIsAnEvent) {
  open();
  Events events;
  const remuda_handler handler = handler_of(events);
  send(request(1, {}));
  remuda_step(app_, &handler, 1000);
  send(record(RecordType::kAbortRequest, 1, ""));
  remuda_step(app_, &handler, 1000);
  EXPECT_EQ(events.aborted, 1);
  EXPECT_TRUE(wait_for(1).ended);
}

TEST_F(Program, ALostServerIsNoticedWhileInputRests) {
  open();
  remuda_request* asked = nullptr;
  const std::string wire = unread_body();
  const size_t sent = push(wire, [&] {
    if (asked == nullptr) {
      asked = remuda_accept(app_);
    } else {
      remuda_accept_within(app_, 0);
    }
    return false;
  });
  ASSERT_LT(sent, wire.size()) << "it rests";
  leave();
  int aborted = 0;
  for (int i = 0; i < 500 && aborted == 0; ++i) {
    aborted = remuda_aborted(asked);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(aborted, 1);
  remuda_finish(asked, 0);
}

TEST_F(Program, ALostServerIsAnEventWhileInputRests) {
  open();
  Events events;
  remuda_handler handler = handler_of(events);
  handler.request = [](remuda_request*, void*) { return REMUDA_LATER; };
  const std::string wire = unread_body();
  ASSERT_LT(push(wire, [&] { return remuda_step(app_, &handler, 0) != 1; }), wire.size()) << "it rests";
  leave();
  for (int i = 0; i < 100 && events.aborted == 0; ++i) remuda_step(app_, &handler, 10);
  EXPECT_EQ(events.aborted, 1);
}

TEST_F(Program, AnAbortBehindABodyThatNobodyReadsIsNoticed) {
  open();
  send(begin(1) + stream(RecordType::kParams, 1, ""));
  remuda_request* asked = remuda_accept(app_);
  const std::string wire = unread_body().substr(16 + 8) + record(RecordType::kAbortRequest, 1, "");
  EXPECT_EQ(push(wire, [&] { return remuda_aborted(asked) == 1; }), wire.size());
  for (int i = 0; i < 500 && remuda_aborted(asked) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(remuda_finish(asked, 0), -1);
}

TEST_F(Program, AKeptConnectionGoesOnBehindABodyThatNobodyHasRead) {
  open();
  remuda_request* asked = nullptr;
  std::string wire = unread_body();
  const size_t sent = push(wire, [&] {
    if (asked == nullptr) {
      asked = remuda_accept(app_);
    } else {
      remuda_accept_within(app_, 0);
    }
    return false;
  });
  ASSERT_LT(sent, wire.size());
  remuda_finish(asked, 0);
  wire += record(RecordType::kStdin, 1, "") + request(2, {});
  remuda_request* next = nullptr;
  push(wire.substr(sent), [&] {
    if (next == nullptr) next = remuda_accept_within(app_, 0);
    return false;
  });
  if (next == nullptr) next = remuda_accept_within(app_, 1000);
  ASSERT_NE(next, nullptr);
  remuda_finish(next, 0);
}

TEST_F(Program, AFilterByEventsReadsItsFileBehindALongBody) {
  options_.roles = REMUDA_FILTER;
  open();
  Events events;
  remuda_handler handler = handler_of(events);
  static const auto read_file = [](remuda_request* request, void* context) {
    char bytes[100];
    ssize_t got;
    while ((got = remuda_read_data_now(request, bytes, sizeof(bytes))) > 0) {
      static_cast<Events*>(context)->body.append(bytes, static_cast<size_t>(got));
    }
    if (got == 0) remuda_finish(request, 0);
  };
  handler.request = [](remuda_request* request, void* context) {
    read_file(request, context);
    return REMUDA_LATER;
  };
  handler.readable = [](remuda_request* request, void* context) { read_file(request, context); };
  const std::string wire = begin(1, Role::kFilter) + stream(RecordType::kParams, 1, "") +
                           stream(RecordType::kStdin, 1, std::string(2'000'000, 'b')) +
                           stream(RecordType::kData, 1, "the file");
  EXPECT_EQ(push(wire, [&] { return remuda_step(app_, &handler, 0) != 1; }), wire.size());
  for (int i = 0; i < 100 && events.body.size() < 8; ++i) remuda_step(app_, &handler, 10);
  EXPECT_EQ(events.body, "the file");
}

TEST_F(Program, ServersAreAnsweredWhileTheProgramAsksForAborts) {
  open();
  send(request(1, {}));
  remuda_request* asked = remuda_accept(app_);
  send(record(RecordType::kGetValues, 0, pair("FCGI_MAX_REQS", "")));
  for (int i = 0; i < 500 && !is_readable(server()); ++i) {
    EXPECT_EQ(remuda_aborted(asked), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(is_readable(server()));
  remuda_finish(asked, 0);
}

TEST_F(Program, StepsNeedWhatTheyCallBack) {
  open();
  const remuda_handler none{};
  EXPECT_EQ(remuda_step(app_, nullptr, 0), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(remuda_step(app_, &none, 0), -1);
  EXPECT_EQ(errno, EINVAL);
  Events events;
  const remuda_handler handler = handler_of(events);
  EXPECT_EQ(remuda_step(nullptr, &handler, 0), -1);
  EXPECT_EQ(errno, EBADF);
}

// While another thread waits for its request's body it works for all; what it finds for the program's event
// loop it leaves to that.
TEST_F(Program, StepsWhileAnotherThreadReads) {
  options_.concurrency = 8;
  open();
  std::vector<remuda_request*> begun;
  remuda_handler handler{};
  handler.context = &begun;
  handler.request = [](remuda_request* request, void* context) {
    static_cast<std::vector<remuda_request*>*>(context)->push_back(request);
    return REMUDA_LATER;
  };
  send(begin(1) + stream(RecordType::kParams, 1, ""));
  ASSERT_EQ(remuda_step(app_, &handler, 1000), 1);
  ASSERT_EQ(begun.size(), 1U);
  std::string body;
  std::thread reader([&, request = begun[0]] {
    char bytes[10];
    for (ssize_t got; (got = remuda_read(request, bytes, sizeof(bytes))) > 0;)
      body.append(bytes, static_cast<size_t>(got));
    remuda_finish(request, 0);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(remuda_step(app_, &handler, 0), 1) << "it reads";
  for (uint16_t id = 2; id < 10; ++id) {
    send(record(RecordType::kStdin, 1, "some ") + request(id, {}));
    pollfd what{.fd = remuda_fd(app_), .events = POLLIN, .revents = 0};
    while (begun.size() < id && poll(&what, 1, 2000) == 1) ASSERT_EQ(remuda_step(app_, &handler, 0), 1);
    ASSERT_EQ(begun.size(), id) << "nobody has told the event loop";
    remuda_finish(begun.back(), 0);
  }
  send(record(RecordType::kStdin, 1, ""));
  reader.join();
  EXPECT_EQ(body.size(), 8 * 5U);
  EXPECT_TRUE(wait_for(1).ended);
}

TEST_F(Program, AnotherThreadFinishes) {
  options_.concurrency = 100;
  open();
  std::vector<std::thread> workers;
  struct Context {
    std::vector<std::thread>* workers;
    remuda_app* app;
  } context{&workers, app_};
  remuda_handler handler{};
  handler.context = &context;
  handler.request = [](remuda_request* request, void* given) {
    static_cast<Context*>(given)->workers->emplace_back([request] {
      remuda_puts(request, "from elsewhere");
      remuda_finish(request, 0);
    });
    return REMUDA_LATER;
  };
  std::thread program([&] { EXPECT_EQ(remuda_serve(app_, &handler), 0); });
  for (uint16_t id = 1; id <= 50; ++id) send(request(id, {}));
  for (uint16_t id = 1; id <= 50; ++id) EXPECT_EQ(wait_for(id).output, "from elsewhere");
  remuda_stop(app_);
  program.join();
  for (std::thread& worker : workers) worker.join();
}

TEST_F(Program, ManyThreadsReadBodiesOfOneConnection) {
  options_.threads = 4;
  options_.input_memory = 65536;
  open();
  remuda_handler handler{};
  handler.request = [](remuda_request* request, void*) {
    char bytes[4096];
    ssize_t got;
    size_t total = 0;
    while ((got = remuda_read(request, bytes, sizeof(bytes))) > 0) total += static_cast<size_t>(got);
    remuda_printf(request, "%zu", total);
    return got == 0 ? 0 : 1;
  };
  std::thread program([&] { EXPECT_EQ(remuda_serve(app_, &handler), 0); });
  std::thread writer([this] {
    std::string wire;
    for (uint16_t id = 1; id <= 8; ++id) wire += begin(id) + stream(RecordType::kParams, id, "");
    for (int i = 0; i < 200; ++i) {
      for (uint16_t id = 1; id <= 8; ++id) wire += record(RecordType::kStdin, id, std::string(5000, 'x'));
    }
    for (uint16_t id = 1; id <= 8; ++id) wire += record(RecordType::kStdin, id, "");
    send(wire);
  });
  for (uint16_t id = 1; id <= 8; ++id) EXPECT_EQ(wait_for(id).output, "1000000");
  writer.join();
  leave();
  program.join();
}

// --- memory

void serve_with_little_memory(int fd) {
  remuda_options options = REMUDA_OPTIONS;
  options.fd = fd;
  options.keep_signals = 1;
  options.concurrency = 8;
  remuda_app* app = remuda_open(&options);
  if (app == nullptr) {
    EXPECT_EQ(errno, ENOMEM);
    return;
  }
  while (remuda_request* asked = remuda_accept_within(app, 0)) {
    char bytes[100];
    while (remuda_read_now(asked, bytes, sizeof(bytes)) > 0) {
    }
    remuda_puts(asked, "an answer");
    remuda_logf(asked, "%s", std::string(2000, 'l').c_str());
    remuda_finish(asked, 0);
  }
  remuda_close(app);
}

TEST(ProgramMemory, EveryRefusal) {
  const std::string wire = request(1, {{"A", "b"}}, std::string(1000, 'x')) +
                           request(2, {{"A", std::string(300, 'v')}}) + begin(3);
  size_t needed = 1;
  for (size_t n = SIZE_MAX; n != needed; ++n) {
    int sockets[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    ASSERT_EQ(::send(sockets[0], wire.data(), wire.size(), 0), static_cast<ssize_t>(wire.size()));
    const int copy = dup(sockets[1]);
    testing::refuse_memory(n);
    serve_with_little_memory(copy);
    if (n == SIZE_MAX) needed = testing::memory_requests();
    testing::refuse_memory(SIZE_MAX);
    close(copy);
    close(sockets[0]);
    close(sockets[1]);
  }
  EXPECT_GT(needed, 5U);
}

}  // namespace
}  // namespace remuda::app
