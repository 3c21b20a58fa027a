// SPDX-License-Identifier: Apache-2.0
//
// Answers over HTTP as servers send them and as they must not, whole and byte by byte.
#include "gateway/wire/http_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace remuda::gateway::wire {
namespace {

using Kind = HttpEvent::Kind;
using ::testing::HasSubstr;

constexpr HttpAsked kHead{.content = HttpAsked::Content::kNone};
constexpr HttpAsked kUpgrade{.upgrade = HttpAsked::Upgrade::kMaySwitch};

struct Decoded {
  std::string output;
  std::string trouble;
  bool ended = false;
  bool switched = false;
  bool keeps = false;
  bool ends_with_connection = false;
  std::string rest;
  bool operator==(const Decoded&) const = default;
};

Decoded decode_in_pieces(std::string_view bytes, HttpAsked asked, size_t piece) {
  Decoded decoded;
  HttpResponseDecoder decoder(1024);
  decoder.begin(asked);
  while (!bytes.empty() && !decoded.ended && decoded.trouble.empty()) {
    std::string_view some = bytes.substr(0, piece);
    bytes.remove_prefix(some.size());
    for (HttpEvent event; (event = decoder.next(some)).kind != Kind::kNeedsMore;) {
      if (event.kind == Kind::kOutput) decoded.output += event.content;
      if (event.kind == Kind::kSwitched) decoded.switched = true;
      if (event.kind == Kind::kBroken) decoded.trouble = event.trouble;
      decoded.ended = event.kind == Kind::kEnd;
      if (event.kind == Kind::kBroken || event.kind == Kind::kEnd) break;
    }
    if (decoded.ended) decoded.rest = std::string(some) + std::string(bytes);
  }
  decoded.keeps = decoder.keeps();
  decoded.ends_with_connection = decoder.ends_with_connection();
  return decoded;
}

// The outcome is the same in one piece and byte by byte.
Decoded decode(std::string_view bytes, HttpAsked asked = {}) {
  const Decoded at_once = decode_in_pieces(bytes, asked, SIZE_MAX);
  EXPECT_EQ(at_once, decode_in_pieces(bytes, asked, 1)) << bytes;
  return at_once;
}

TEST(HttpResponse, WithALength) {
  const Decoded decoded = decode("HTTP/1.1 200 OK\r\nX-A:  b \r\nContent-Length: 5\r\n\r\nhelloHTTP");
  EXPECT_EQ(decoded.output, "Status: 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(decoded.ended && decoded.keeps);
  EXPECT_EQ(decoded.rest, "HTTP");
}

TEST(HttpResponse, InChunks) {
  const Decoded decoded = decode(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;name=\"v\"\r\nhello\r\nA\r\n, my world\r\n0\r\nX-Trailer: no\r\n\r\nnext");
  EXPECT_EQ(decoded.output, "Status: 200 OK\r\n\r\nhello, my world");
  EXPECT_TRUE(decoded.ended && decoded.keeps);
  EXPECT_EQ(decoded.rest, "next");
}

TEST(HttpResponse, UntilTheConnectionEnds) {
  const Decoded decoded = decode("HTTP/1.0 200\r\n\r\nhello");
  EXPECT_EQ(decoded.output, "Status: 200\r\n\r\nhello");
  EXPECT_FALSE(decoded.ended || decoded.keeps);
  EXPECT_TRUE(decoded.ends_with_connection);
  EXPECT_FALSE(decode("HTTP/1.1 200\r\nContent-Length: 9\r\n\r\nhello").ends_with_connection);
}

TEST(HttpResponse, WithoutContent) {
  EXPECT_TRUE(decode("HTTP/1.1 204 No Content\r\n\r\n").keeps);
  EXPECT_TRUE(decode("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n").ended);
  const Decoded head = decode("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", kHead);
  EXPECT_THAT(head.output, HasSubstr("Content-Length: 7"));
  EXPECT_TRUE(head.ended && head.keeps);
  EXPECT_TRUE(decode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", kHead).ended);
  EXPECT_FALSE(decode("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n").keeps) << "it may send it";
}

TEST(HttpResponse, ThatComesAfterOthers) {
  const Decoded decoded = decode(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(decoded.output,
            "Status: 103 Early Hints\r\nLink: </a>\r\n\r\nStatus: 200 OK\r\nContent-Length: 0\r\n\r\n");
  std::string many;
  for (int i = 0; i < 40; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(decode(many).trouble, "too many interim answers");
}

TEST(HttpResponse, SaysWhetherTheConnectionStays) {
  EXPECT_FALSE(decode("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n").keeps);
  EXPECT_FALSE(decode("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps);
  EXPECT_TRUE(decode("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").keeps);
}

TEST(HttpResponse, KeepsWhatBelongsToTheConnection) {
  const Decoded decoded = decode(
      "HTTP/1.1 200 OK\r\nX-Hop: 1\r\nX-Stays: 2\r\nConnection: X-Hop, keep-alive\r\nKeep-Alive: "
      "timeout=5\r\n"
      "Status: 500\r\nUpgrade: h2c\r\nTrailer: X\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(decoded.output, "Status: 200 OK\r\nX-Stays: 2\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponse, ThatSwitches) {
  constexpr std::string_view kSwitch =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01z";
  const Decoded decoded = decode(kSwitch, kUpgrade);
  EXPECT_TRUE(decoded.switched);
  EXPECT_EQ(decoded.output, "Status: 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01z");
  EXPECT_EQ(decode(kSwitch).trouble, "it switched to a protocol that nobody asked for");
}

// How answers are smuggled.
TEST(HttpResponse, ThatTwoReadersCouldUnderstandDifferently) {
  const auto trouble = [](std::string_view fields) {
    return decode("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\n0\r\n\r\n").trouble;
  };
  EXPECT_EQ(trouble("Transfer-Encoding: chunked\r\nContent-Length: 3"),
            "Transfer-Encoding beside Content-Length");
  EXPECT_EQ(trouble("Content-Length: 3\r\nContent-Length: 3"), "there are two Content-Length lines");
  EXPECT_EQ(trouble("Content-Length: +3"), "its Content-Length is no number");
  EXPECT_EQ(trouble("Content-Length: 3, 3"), "its Content-Length is no number");
  EXPECT_EQ(trouble("Content-Length:"), "its Content-Length is no number");
  EXPECT_EQ(trouble("Content-Length: 9999999999999999999"), "its Content-Length is too large");
  EXPECT_EQ(trouble("Transfer-Encoding: gzip, chunked"), "a transfer coding other than chunked");
  EXPECT_EQ(trouble("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            "there are two Transfer-Encoding lines");
  EXPECT_EQ(trouble("X: a\r\n b"), "a folded line in its head");
  EXPECT_EQ(trouble("X : a"), "a line of its head has no proper name");
  EXPECT_EQ(trouble("nothing"), "a line of its head has no colon");
  EXPECT_EQ(trouble("X: a\rb"), "a control character in its head");
  EXPECT_EQ(trouble("X: a\nY: b"), "a line of its head ends without CR");
  EXPECT_EQ(decode("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").trouble,
            "Transfer-Encoding in an answer of HTTP/1.0");
}

TEST(HttpResponse, ThatIsNone) {
  for (const std::string_view text : {"<html>\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200 OK\r\n",
                                      "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000\r\n", "\r\nHTTP/1.1 200 OK\r\n"}) {
    EXPECT_EQ(decode(text).trouble, "its answer does not begin as HTTP/1.1") << text;
  }
  EXPECT_EQ(decode("HTTP/1.1 099 OK\r\n").trouble, "its status is not between 100 and 599");
  EXPECT_EQ(decode("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x')).trouble,
            "its head is longer than head_limit");
}

TEST(HttpChunks, ThatAreNone) {
  const auto trouble = [](std::string_view chunks) {
    return decode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks)).trouble;
  };
  EXPECT_EQ(trouble("\r\n"), "a chunk has no size");
  EXPECT_EQ(trouble("5 \r\nhello\r\n"), "the size of a chunk is no number");
  EXPECT_EQ(trouble("0x5\r\nhello\r\n"), "the size of a chunk is no number");
  EXPECT_EQ(trouble("-5\r\n"), "a chunk has no size");
  EXPECT_EQ(trouble("5\nhello\r\n"), "the size of a chunk is no number");
  EXPECT_EQ(trouble("5\r\nhello!\r\n"), "a chunk does not end with CRLF");
  EXPECT_EQ(trouble("fffffffffffffffff\r\n"), "a chunk is too large");
  EXPECT_EQ(trouble("8000000000000000\r\n"), "a chunk is too large");
  EXPECT_EQ(trouble("0\r\n" + std::string(20'000, 'x')), "too much beside the content of its chunks");
  EXPECT_EQ(trouble("0\r\nX: a\nY: b\r\n\r\n"), "a control character beside its chunks");
}

}  // namespace
}  // namespace remuda::gateway::wire
