// SPDX-License-Identifier: Apache-2.0
//
// The protocol of a connection without its socket: what comes in any pieces, what goes in any pieces, memory
// refused at every place.
#include "session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing.h"

namespace remuda::app {
namespace {

using testing::Answers;
using testing::begin;
using testing::pair;
using testing::record;
using testing::request;
using testing::stream;

// A connection and a program that can be told to do one thing after the other.
struct Conversation {
  explicit Conversation(Limits limits = {}) {
    hub.limits = limits;
    session = std::make_unique<Session>(hub);
  }
  ~Conversation() {  // what the program never finished
    session.reset();
    for (const auto& [request, serial] : held) {
      if (request->serial == serial) hub.release(*request);
    }
  }

  void feed(std::string_view bytes, size_t piece = SIZE_MAX) {
    while (!bytes.empty() && !session->broken()) {
      const Session::Space space = session->space();
      if (space.size == 0) break;
      const size_t size = std::min({bytes.size(), piece, space.size});
      memcpy(space.data, bytes.data(), size);
      session->received(size);
      bytes.remove_prefix(size);
    }
    left = bytes.size();
  }
  Request* accept() {
    Request* news = hub.news.pop();
    if (news == nullptr) return nullptr;
    news->state = Request::State::kHeld;
    news->news = 0;
    held.emplace_back(news, news->serial);
    return news;
  }
  static std::string param(const Request& asked, std::string_view name) {
    const Param* found = asked.params.find(name.data(), name.size());
    return found == nullptr ? "(none)" : std::string(found->value.data, found->value.size);
  }
  std::string read(Request& asked, Stream which = Stream::kBody) {
    std::string all;
    for (Bytes front; (front = asked.stream(which).front(hub.blocks)).size > 0;) {
      all.append(front.data, front.size);
      asked.stream(which).skip(front.size, hub.blocks);
    }
    session->has_read(asked);
    return all;
  }
  void write(Request& asked, std::string_view text, RecordType type = RecordType::kStdout) {
    while (!text.empty()) {
      Chunk* chunk = hub.chunks.take();
      if (chunk == nullptr) return;
      chunk->stream = static_cast<uint8_t>(type);
      const size_t size = std::min(text.size(), Chunk::kSize - kHeaderSize);
      memcpy(chunk->bytes + kHeaderSize, text.data(), size);
      chunk->filled = static_cast<uint32_t>(kHeaderSize + size);
      asked.wrote_log = asked.wrote_log || type == RecordType::kStderr;
      session->write(asked, chunk);
      text.remove_prefix(size);
    }
  }
  void finish(Request& asked, std::string_view text = {}, uint32_t status = 0) {
    Chunk* chunk = text.empty() ? nullptr : hub.chunks.take();
    if (chunk != nullptr) {
      chunk->stream = static_cast<uint8_t>(RecordType::kStdout);
      memcpy(chunk->bytes + kHeaderSize, text.data(), text.size());
      chunk->filled = static_cast<uint32_t>(kHeaderSize + text.size());
    }
    if (asked.session != nullptr) return session->finish(asked, chunk, status);
    if (chunk != nullptr) hub.chunks.give(chunk);
    hub.release(asked);
  }
  // Sends at most so much; what it was.
  std::string send(size_t most = SIZE_MAX) {
    std::string sent;
    while (most > 0) {
      iovec pieces[Outgoing::kPieces];
      const int count = session->out().gather(pieces);
      if (count == 0) break;
      size_t size = 0;
      for (int i = 0; i < count && size < most; ++i) {
        const size_t part = std::min(pieces[i].iov_len, most - size);
        sent.append(static_cast<char*>(pieces[i].iov_base), part);
        size += part;
      }
      session->out().sent(size);
      most -= size;
    }
    return sent;
  }
  Answers answers(size_t piece = SIZE_MAX) {
    Answers result;
    for (std::string sent; !(sent = send(piece)).empty();) result.feed(sent);
    EXPECT_EQ(result.fault, "");
    return result;
  }

  Hub hub;
  std::unique_ptr<Session> session;
  std::vector<std::pair<Request*, uint64_t>>
      held;  // by serial: their memory is used again, and freed with the hub
  size_t left = 0;
};

Limits limits_with(auto change) {
  Limits limits;
  change(limits);
  return limits;
}

TEST(Session, AnswersOne) {
  Conversation talk;
  talk.feed(request(1, {{"REQUEST_METHOD", "POST"}, {"EMPTY", ""}}, "the body"));
  Request* asked = talk.accept();
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(talk.param(*asked, "REQUEST_METHOD"), "POST");
  EXPECT_EQ(talk.param(*asked, "EMPTY"), "");
  EXPECT_EQ(talk.read(*asked), "the body");
  EXPECT_TRUE(asked->stream(Stream::kBody).ended());
  talk.finish(*asked, "Status: 200\r\n\r\nhello", 7);
  Answers answers = talk.answers();
  EXPECT_EQ(answers[1].output, "Status: 200\r\n\r\nhello");
  EXPECT_TRUE(answers[1].output_ended);
  EXPECT_EQ(answers[1].status, 7U);
  EXPECT_EQ(talk.hub.active, 0U);
  EXPECT_FALSE(talk.session->over());
  EXPECT_TRUE(talk.session->idle());
}

TEST(Session, AnyCutMeansTheSame) {
  const std::string body(3000, 'b');
  const std::string split = begin(1) + begin(2) + stream(RecordType::kParams, 1, pair("A", "one"), 1) +
                            stream(RecordType::kParams, 2, pair("A", std::string(500, '2')), 7) +
                            stream(RecordType::kStdin, 2, body, 13) + stream(RecordType::kStdin, 1, "x", 1) +
                            request(3, {{"A", "three"}}, body, false);
  for (size_t piece : {1, 2, 3, 7, 8, 9, 64, 1000, 100'000}) {
    Conversation talk;
    talk.feed(split, piece);
    std::map<int, std::string> seen;
    while (Request* asked = talk.accept()) {
      seen[asked->id] = talk.param(*asked, "A") + " " + talk.read(*asked);
      talk.finish(*asked, "done");
    }
    EXPECT_EQ(seen[1], "one x");
    EXPECT_EQ(seen[2], std::string(500, '2') + " " + body);
    EXPECT_EQ(seen[3], "three " + body);
    EXPECT_EQ(talk.answers(piece).ended(), 3U);
    EXPECT_TRUE(talk.session->over());
    EXPECT_TRUE(talk.session->input_complete());
  }
}

TEST(Session, ParametersOfOneRecordAreNotCopied) {
  Conversation talk;
  talk.feed(request(1, {{"A", "b"}}));
  const Request* asked = talk.accept();
  EXPECT_NE(asked->params_block, nullptr);
  EXPECT_TRUE(asked->params_copy.empty());
}

TEST(Session, NothingIsAllocatedAfterTheFirst) {
  Conversation talk;
  const auto serve = [&talk] {
    talk.feed(request(1, {{"A", "b"}}, "body") + request(2, {{"A", "c"}}, "body"));
    while (Request* asked = talk.accept()) {
      talk.read(*asked);
      talk.finish(*asked, "done");
    }
    talk.send();
  };
  serve();
  testing::refuse_memory(SIZE_MAX);
  for (int i = 0; i < 100; ++i) serve();
  EXPECT_EQ(testing::memory_requests(), 0U);
}

TEST(Session, AnswersLeaveTogether) {
  Conversation talk;
  for (uint16_t id = 1; id <= 40; ++id) talk.feed(request(id, {{"A", "b"}}));
  while (Request* asked = talk.accept()) talk.finish(*asked, "hello");
  iovec pieces[Outgoing::kPieces];
  EXPECT_EQ(talk.session->out().gather(pieces), 1);
  EXPECT_EQ(talk.answers().ended(), 40U);
}

TEST(Session, ABigAnswerDoesNotHoldUpSmallOnes) {
  Conversation talk;
  talk.feed(request(1, {}) + request(2, {}));
  Request* big = talk.accept();
  Request* other = talk.accept();
  talk.write(*big, std::string(1'000'000, 'B'));
  talk.write(*other, std::string(500'000, 'O'));
  Answers answers;
  answers.feed(talk.send(1000));
  talk.feed(request(3, {}));
  talk.finish(*talk.accept(), "small");
  answers.feed(talk.send(Outgoing::kCommit + Chunk::kSize * 2));
  EXPECT_TRUE(answers[3].ended) << "waited for more than was committed before";
  talk.finish(*big);
  talk.finish(*other);
  // Both get the same until the smaller one is done.
  while (!answers[2].ended) answers.feed(talk.send(10'000));
  EXPECT_NEAR(static_cast<double>(answers[1].output.size()), 500'000, 200'000);
  answers.feed(talk.send());
  EXPECT_EQ(answers[1].output, std::string(1'000'000, 'B'));
  EXPECT_EQ(answers[2].output, std::string(500'000, 'O'));
  EXPECT_EQ(answers.fault, "");
  EXPECT_EQ(talk.hub.active, 0U);
}

TEST(Session, AnswersThatNobodyTakesAreSeen) {
  Conversation talk;
  int count = 0;
  for (; !talk.session->out().clogged() && count < 1'000'000; ++count) {
    talk.feed(request(1, {}) + record(RecordType::kGetValues, 0, pair("FCGI_MAX_REQS", "")));
    talk.finish(*talk.accept(), "an answer");
  }
  EXPECT_NEAR(count, 13'000, 3'000);
  talk.send();
  EXPECT_FALSE(talk.session->out().clogged());
}

TEST(Session, LogAndOutputKeepTheirOrder) {
  Conversation talk;
  talk.feed(request(1, {}));
  Request* asked = talk.accept();
  talk.write(*asked, "a line\n", RecordType::kStderr);
  talk.write(*asked, "out");
  talk.write(*asked, "more\n", RecordType::kStderr);
  talk.finish(*asked);
  Answers answers = talk.answers();
  EXPECT_EQ(answers[1].output, "out");
  EXPECT_EQ(answers[1].log, "a line\nmore\n");
  EXPECT_EQ(answers.order[0].first, RecordType::kStderr);
  EXPECT_EQ(answers.order[1].first, RecordType::kStdout);
  EXPECT_EQ(answers.order[2].first, RecordType::kStderr);
}

TEST(Session, Management) {
  Conversation talk(limits_with([](Limits& limits) { limits.concurrency = 50; }));
  talk.feed(record(RecordType::kGetValues, 0,
                   pair("FCGI_MPXS_CONNS", "") + pair("OTHER", "") + pair("FCGI_MAX_REQS", "") +
                       pair("FCGI_MAX_CONNS", "")));
  talk.feed(record(RecordType::kGetValues, 0, ""));
  talk.feed(record(static_cast<RecordType>(99), 0, "whatever", 3));
  const Answers answers = talk.answers();
  ASSERT_EQ(answers.management.size(), 3U);
  EXPECT_EQ(answers.management[0].second,
            pair("FCGI_MAX_CONNS", "1024") + pair("FCGI_MAX_REQS", "50") + pair("FCGI_MPXS_CONNS", "1"));
  EXPECT_EQ(answers.management[1].second, "");
  EXPECT_EQ(answers.management[2].first, RecordType::kUnknownType);
  EXPECT_EQ(answers.management[2].second, std::string("\x63\0\0\0\0\0\0\0", 8));
}

TEST(Session, OneAtATimeSaysSo) {
  Conversation talk;
  talk.feed(record(RecordType::kGetValues, 0, pair("FCGI_MPXS_CONNS", "") + pair("FCGI_MAX_REQS", "")));
  EXPECT_EQ(talk.answers().management[0].second, pair("FCGI_MAX_REQS", "1") + pair("FCGI_MPXS_CONNS", "0"));
}

uint8_t refusal(Conversation& talk, uint16_t id) {
  Answers answers = talk.answers();
  EXPECT_TRUE(answers[id].ended);
  return answers[id].protocol;
}

TEST(Session, Refusals) {
  {
    Conversation talk;
    talk.feed(begin(1, Role::kAuthorizer) + begin(2, static_cast<Role>(9)));
    EXPECT_EQ(refusal(talk, 1), 3);
    EXPECT_EQ(talk.accept(), nullptr);
  }
  {
    Conversation talk(limits_with([](Limits& limits) { limits.multiplexes = false; }));
    talk.feed(request(1, {{"A", "1"}}) + request(2, {{"A", "2"}}));
    EXPECT_EQ(refusal(talk, 2), 1);
    talk.finish(*talk.accept());
    talk.feed(request(2, {}));
    EXPECT_NE(talk.accept(), nullptr);
  }
  {
    Conversation talk(limits_with([](Limits& limits) { limits.most_requests = 2; }));
    talk.feed(request(1, {}) + request(2, {}) + request(3, {}));
    EXPECT_EQ(refusal(talk, 3), 2);
  }
  {
    Conversation talk;
    talk.hub.ending = true;
    talk.feed(request(1, {}, "", false));
    EXPECT_EQ(refusal(talk, 1), 2);
    EXPECT_TRUE(talk.session->over());
  }
}

TEST(Session, WhatHasNotBegunIsRefusedAtTheEnd) {
  Conversation talk;
  talk.feed(request(1, {}) + begin(2) + begin(66) + record(RecordType::kParams, 2, pair("A", "b")));
  talk.hub.ending = true;
  talk.session->refuse_unbegun();
  Answers answers = talk.answers();
  EXPECT_EQ(answers[2].protocol, 2);
  EXPECT_EQ(answers[66].protocol, 2);
  EXPECT_FALSE(answers[1].ended);
  talk.finish(*talk.accept());
  talk.send();
  EXPECT_TRUE(talk.session->idle());
}

TEST(Session, BrokenProtocol) {
  for (const std::string& wire :
       {std::string("\2\0\0\0\0\0\0\0", 8), begin(1) + begin(1),
        record(RecordType::kBeginRequest, 1, "short"), begin(0), record(RecordType::kParams, 0, "x"),
        record(RecordType::kStdout, 1, "x"), record(RecordType::kGetValues, 1, ""),
        record(RecordType::kEndRequest, 1, "12345678")}) {
    Conversation talk;
    talk.feed(request(7, {{"A", "b"}}));
    Request* held = talk.accept();
    talk.feed(wire);
    EXPECT_TRUE(talk.session->broken());
    talk.session->lost();
    EXPECT_TRUE(held->aborted);
    talk.finish(*held, "too late");
    EXPECT_EQ(talk.hub.active, 0U);
  }
}

TEST(Session, RecordsOfOthersAreIgnored) {
  Conversation talk;
  talk.feed(stream(RecordType::kStdin, 5, "x") + record(RecordType::kAbortRequest, 5, "") +
            stream(RecordType::kParams, 5, pair("A", "b")) + request(1, {{"A", "b"}}) +
            stream(RecordType::kStdin, 1, "after the end"));
  Request* asked = talk.accept();
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(talk.read(*asked), "");
  talk.finish(*asked);
  talk.feed(stream(RecordType::kStdin, 1, "after the answer"));
  EXPECT_FALSE(talk.session->broken());
}

TEST(Session, MalformedAndTooManyParameters) {
  Conversation talk(limits_with([](Limits& limits) { limits.params = 1000; }));
  talk.feed(begin(1) + stream(RecordType::kParams, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"));
  talk.feed(begin(2) + stream(RecordType::kParams, 2, pair("A", std::string(1000, 'a'))));
  talk.feed(request(3, {{"A", "b"}}));
  Answers answers = talk.answers();
  EXPECT_EQ(answers[1].output, "Status: 400 Bad Request\r\n\r\n");
  EXPECT_EQ(answers[2].output, "Status: 431 Request Header Fields Too Large\r\n\r\n");
  EXPECT_EQ(talk.accept()->id, 3);
}

TEST(Session, Roles) {
  Conversation talk(limits_with([](Limits& limits) { limits.roles = 7; }));
  talk.feed(begin(1, Role::kAuthorizer) + stream(RecordType::kParams, 1, pair("A", "b")));
  Request* authorizer = talk.accept();
  ASSERT_NE(authorizer, nullptr);
  EXPECT_TRUE(authorizer->stream(Stream::kBody).ended());
  talk.feed(begin(2, Role::kFilter) + stream(RecordType::kParams, 2, "") +
            stream(RecordType::kStdin, 2, "body") + stream(RecordType::kData, 2, "the file"));
  Request* filter = talk.accept();
  EXPECT_EQ(filter->role, Role::kFilter);
  EXPECT_EQ(talk.read(*filter, Stream::kData), "the file");
  EXPECT_EQ(talk.read(*filter), "body");
}

TEST(Session, Aborts) {
  Conversation talk;
  talk.hub.tells_aborts = true;
  talk.feed(request(1, {}) + request(2, {}) + begin(3));
  Request* held = talk.accept();
  talk.write(*held, std::string(100'000, 'x'));
  talk.feed(record(RecordType::kAbortRequest, 1, "") + record(RecordType::kAbortRequest, 2, "") +
            record(RecordType::kAbortRequest, 3, "") + record(RecordType::kAbortRequest, 1, ""));
  EXPECT_EQ(talk.answers().ended(), 2U) << "those that nobody works on";
  EXPECT_TRUE(held->aborted);
  EXPECT_EQ(talk.hub.news.pop(), held);
  EXPECT_EQ(held->news, kAborted);
  talk.finish(*held, "dropped", 3);
  Answers answers = talk.answers();
  EXPECT_TRUE(answers[1].ended);
  EXPECT_EQ(answers[1].output, "");
  EXPECT_EQ(answers[1].status, 3U);
  talk.feed(request(1, {}));
  EXPECT_NE(talk.accept(), nullptr) << "the id may be used again";
}

TEST(Session, ABodyThatNobodyReadsStopsTheServer) {
  Conversation talk;
  const std::string body(1'000'000, 'b');
  const std::string wire = request(1, {}, body);
  talk.feed(wire);
  EXPECT_TRUE(talk.session->paused());
  EXPECT_GT(talk.left, 500'000U);
  Request* asked = talk.accept();
  std::string read;
  while (talk.left > 0) {
    read += talk.read(*asked);
    EXPECT_FALSE(talk.session->paused());
    talk.feed(std::string_view(wire).substr(wire.size() - talk.left));
  }
  read += talk.read(*asked);
  EXPECT_EQ(read, body);
}

TEST(Session, ABodyThatNobodyReadsDoesNotStopOthers) {
  Conversation talk(limits_with([](Limits& limits) { limits.concurrency = 10; }));
  std::string body(3'000'000, 'b');
  for (size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>(i / 1000);
  talk.feed(request(1, {}, body) + request(2, {}, "small"));
  EXPECT_FALSE(talk.session->paused());
  Request* big = talk.accept();
  Request* small = talk.accept();
  EXPECT_EQ(talk.read(*small), "small");
  EXPECT_TRUE(big->stream(Stream::kBody).spilling());
  EXPECT_LE(big->stream(Stream::kBody).cost(), talk.hub.limits.input_memory + 2 * Block::kSize);
  EXPECT_EQ(talk.read(*big), body);
  EXPECT_TRUE(big->stream(Stream::kBody).ended());
}

TEST(Session, ADiskThatIsFullIsTheReadersFault) {
  Conversation talk(limits_with([](Limits& limits) {
    limits.concurrency = 10;
    limits.input_disk = 100'000;
  }));
  talk.feed(request(1, {}, std::string(1'000'000, 'b')) + request(2, {}, "small"));
  Request* big = talk.accept();
  EXPECT_GT(talk.read(*big).size(), talk.hub.limits.input_memory / 2);
  EXPECT_EQ(big->stream(Stream::kBody).error(), ENOSPC);
  EXPECT_EQ(talk.read(*talk.accept()), "small");
}

TEST(Incoming, WhatHasBeenReadTakesNoDisk) {
  constexpr uint64_t kMost = 1 << 20;
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(next, 0);
  close(next);  // the file's number
  BlockPool blocks(4);
  Incoming input;
  const std::string piece(50'000, 'x');
  uint64_t read = 0;
  uint64_t longest = 0;
  for (uint64_t written = 0; written < 20 * kMost; written += piece.size()) {
    ASSERT_EQ(input.spill(piece.data(), piece.size(), kMost), 0) << written;
    while (written + piece.size() - read > kMost / 2) {
      const size_t size = input.front(blocks).size;
      ASSERT_GT(size, 0U);
      input.skip(size, blocks);
      read += size;
    }
    struct stat file{};
    ASSERT_EQ(fstat(next, &file), 0);
    longest = std::max(longest, static_cast<uint64_t>(file.st_blocks) * 512);
  }
  EXPECT_LE(longest, kMost + 4 * Block::kSize);
  EXPECT_GT(longest, kMost / 4);
  input.clear(blocks);
}

TEST(Session, TinyRecordsAreBoundedToo) {
  Conversation talk(limits_with([](Limits& limits) { limits.concurrency = 10; }));
  talk.feed(begin(1) + stream(RecordType::kParams, 1, ""));
  Request* asked = talk.accept();
  std::string wire;
  for (int i = 0; i < 100'000; ++i) wire += record(RecordType::kStdin, 1, "x");
  talk.feed(wire);
  EXPECT_LE(asked->stream(Stream::kBody).cost(), talk.hub.limits.input_memory + 2 * Block::kSize);
  EXPECT_EQ(talk.read(*asked), std::string(100'000, 'x'));
}

TEST(Session, AConnectionThatIsLost) {
  Conversation talk;
  talk.feed(request(1, {}) + request(2, {}) + begin(3));
  Request* held = talk.accept();
  talk.write(*held, std::string(200'000, 'x'));
  talk.finish(*talk.accept(), "never sent");
  talk.session->lost();
  EXPECT_TRUE(held->aborted);
  EXPECT_EQ(talk.hub.active, 1U);
  talk.finish(*held, "neither");
  EXPECT_EQ(talk.hub.active, 0U);
  EXPECT_EQ(talk.send(), "");
}

// Everything above in one story, with memory refused from the n-th request for it on: nothing leaks, nothing
// crashes.
void story_with_little_memory() {
  Conversation talk(limits_with([](Limits& limits) {
    limits.concurrency = 4;
    limits.input_memory = 65536;
  }));
  talk.feed(request(1, {{"A", "b"}}, std::string(200'000, 'x')) + begin(2) +
            stream(RecordType::kParams, 2, pair("A", std::string(300, 'v')), 20) + request(3, {}, "", false));
  while (Request* asked = talk.accept()) {
    talk.read(*asked);
    talk.write(*asked, std::string(40'000, 'y'));
    talk.finish(*asked, "end");
  }
  talk.feed(record(RecordType::kGetValues, 0, pair("FCGI_MAX_REQS", "")));
  if (talk.session->broken()) talk.session->lost();
  talk.send(5000);
  talk.send();
}

TEST(Session, EveryRefusalOfMemory) {
  testing::refuse_memory(SIZE_MAX);
  story_with_little_memory();
  const size_t needed = testing::memory_requests();
  ASSERT_GT(needed, 10U);
  for (size_t n = 0; n < needed; ++n) {
    testing::refuse_memory(n);
    story_with_little_memory();
  }
  testing::refuse_memory(SIZE_MAX);
}

}  // namespace
}  // namespace remuda::app
