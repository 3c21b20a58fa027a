// SPDX-License-Identifier: Apache-2.0
//
// The chunked coding: every body is decoded whole and in small parts, which must make no difference.
#include "http/h1/chunked.h"

#include <gtest/gtest.h>

#include <string>

#include "http/h1/codec_invariants.h"

namespace remuda::http::h1 {
namespace {

using namespace std::string_literals;
using Outcome = ChunkedDecoder::Outcome;

// `text` is a whole body, of which `used` octets count (0: all of them).
void decodes(const std::string& text, const std::string& data, size_t used = 0,
             const HeadLimits& limits = {}) {
  for (const size_t step : {text.size(), size_t{1}, size_t{2}, size_t{3}, size_t{5}}) {
    ChunkedRun run(limits);
    run.decode(text, step);
    EXPECT_EQ(run.outcome(), Outcome::kEnd) << testing::PrintToString(text) << run.decoder().why();
    EXPECT_EQ(run.data(), data);
    EXPECT_EQ(run.used(), used == 0 ? text.size() : used);
  }
}

// `text` is refused by its last octet, and not before.
void refused(const std::string& text, int status = 400, const HeadLimits& limits = {}) {
  ChunkedRun before(limits);
  before.decode(text.substr(0, text.size() - 1), 1);
  EXPECT_EQ(before.outcome(), Outcome::kMore) << testing::PrintToString(text) << before.decoder().why();
  for (const std::string& input : {text, text + " and more\r\n"}) {
    for (const size_t step : {input.size(), size_t{1}, size_t{2}}) {
      ChunkedRun run(limits);
      run.decode(input, step);
      EXPECT_EQ(run.outcome(), Outcome::kRefused) << testing::PrintToString(input);
      EXPECT_EQ(run.decoder().status(), status) << run.decoder().why();
    }
  }
}

TEST(ChunkedDecoder, Bodies) {
  decodes("0\r\n\r\n", "");
  decodes("5\r\nhello\r\n0\r\n\r\n", "hello");
  decodes("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
  decodes("A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
  decodes("a\r\n\r\n0\r\n\r\n\r\n1\r\n0\r\n\r\n"s.substr(0, 3) + "\r\n0\r\n\r\n\r\nx" + "\r\n0\r\n\r\n",
          "\r\n0\r\n\r\n\r\nx");
  decodes("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello");
  decodes("10\r\n" + std::string(16, '\0') + "\r\n0\r\n\r\n", std::string(16, '\0'));
}

TEST(ChunkedDecoder, LeavesTheNextRequestAlone) { decodes("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "x", 11); }

TEST(ChunkedDecoder, Extensions) {
  for (const std::string extension :
       {";a", ";a=b", ";a=\"b\"", ";a=\"\"", ";a=\"b;c\\\"d\\\\ \te\"", ";a;b;c=d", "; a", ";\ta = b ;c",
        ";a=\"q\" ;b", ";a ;b", ";a=\x22\x80\xff\x22"}) {
    decodes("1" + extension + "\r\nx\r\n0" + extension + "\r\n\r\n", "x");
  }
}

TEST(ChunkedDecoder, MalformedExtensions) {
  for (const std::string start : {";\r",     ";;",        "; ;",       ";=",         ";a=\r",       ";a=;",
                                  ";a=b=",   ";a==",      ";a \r",     ";a=b \r",    ";a=\"x\" \r", ";a\"",
                                  ";a b",    ";a=b c",    ";a=\"x\"y", ";a\n",       ";\n",         ";a=\"\n",
                                  ";a=\"\r", ";a=\"\\\n", ";a=b\n",    ";a=\"b\"\n", ";a\x80",      ";a/"}) {
    refused("1" + start);
    refused("0" + start);
  }
  refused("1;a\0"s);
  refused("1;a=\"\x01");
  refused("1;a\rx");
}

// Node CVE-2024-22019, Go CVE-2023-39326: bounded over the whole body, not for each chunk.
TEST(ChunkedDecoder, ExtensionsAreBounded) {
  const HeadLimits limits{.extensions = 10};
  decodes("1;aa=\"bb\"\r\nx\r\n0\r\n\r\n", "x", 0, limits);
  refused("1;aaaaaaaaa\r", 413, limits);
  refused("1;a\r\nx\r\n1;b\r\ny\r\n1;c\r\nz\r\n1;d", 413, limits);
}

TEST(ChunkedDecoder, Sizes) {
  refused("\r");
  refused("\n");
  refused(" ");
  refused(";");
  refused("g");
  refused("+");
  refused("-");
  refused("5 ");
  refused("5\t");
  refused("5_");
  refused("0x");
  refused("5\n");
  refused("5\rx");
  refused("5\r\r");
  refused("5,");
  refused("5\x80");
  refused("00000000000000005");  // 17 digits
  refused("fffffffffffffffff");
  refused("ffffffffffffffff\r\n", 413);
  refused("8000000000000000\r\n", 413);  // nginx CVE-2013-2028: a size that turns negative
}

TEST(ChunkedDecoder, TheLargestSize) {
  ChunkedRun run;
  run.decode("7fffffffffffffff\r\nx", 100);
  EXPECT_EQ(run.outcome(), Outcome::kMore);
  EXPECT_EQ(run.data(), "x");
  EXPECT_EQ(run.decoder().data_remaining(), uint64_t{INT64_MAX} - 1);
}

// Puma CVE-2022-24790: exactly CRLF after the data.
TEST(ChunkedDecoder, AfterData) {
  refused("1\r\nxy");
  refused("1\r\nx\n");
  refused("1\r\nx\r0");
  refused("1\r\nx\r\r");
  refused("0\r\n\rx");
  refused("0\r\n\r\r");
  refused("0\r\n\n");
}

TEST(ChunkedDecoder, DataMayBeReadPastTheDecoder) {
  alignas(16) std::byte block[256];
  base::Arena arena(block);
  Fields trailers(arena);
  const HeadLimits limits;
  ChunkedDecoder decoder(trailers, limits);
  EXPECT_EQ(decoder.data_remaining(), 0U);
  EXPECT_EQ(decoder.feed("1000\r\n").used, 6U);
  EXPECT_EQ(decoder.data_remaining(), 4096U);
  decoder.took(4000);
  EXPECT_EQ(decoder.data_remaining(), 96U);
  decoder.took(96);
  const auto piece = decoder.feed("\r\n0\r\n\r\nnext");
  EXPECT_EQ(piece.outcome, Outcome::kEnd);
  EXPECT_EQ(piece.used, 7U);
}

TEST(ChunkedDecoder, Trailers) {
  for (const size_t step : {1, 2, 100}) {
    ChunkedRun run;
    run.decode("1\r\nx\r\n0\r\nX-Checksum: abc \r\nETag: \"e\"\r\n\r\nGET", step);
    ASSERT_EQ(run.outcome(), Outcome::kEnd);
    ASSERT_EQ(run.trailers().size(), 2U);
    EXPECT_EQ(run.trailers().find("x-checksum")->value, "abc");
    EXPECT_EQ(run.trailers().get(KnownName::kETag), "\"e\"");
    EXPECT_EQ(run.used(), std::string_view("1\r\nx\r\n0\r\nX-Checksum: abc \r\nETag: \"e\"\r\n\r\n").size());
  }
}

TEST(ChunkedDecoder, TrailersThatFrameOrRouteAreRefused) {
  for (const std::string field : {"Content-Length: 5", "transfer-encoding: chunked", "Host: h"}) {
    refused("0\r\nX: y\r\n" + field + "\r\n\r\n");
  }
}

TEST(ChunkedDecoder, TrailersThatComeTooLateAreDropped) {
  ChunkedRun run;
  run.decode(
      "0\r\nAuthorization: a\r\nX: y\r\nCookie: c\r\nCookie: d\r\nExpect: e\r\nIf-Match: f\r\nZ: z\r\n\r\n",
      4);
  ASSERT_EQ(run.outcome(), Outcome::kEnd);
  ASSERT_EQ(run.trailers().size(), 2U);
  EXPECT_EQ(run.trailers().all()[0].name, "X");
  EXPECT_EQ(run.trailers().all()[1].name, "Z");
}

TEST(ChunkedDecoder, TrailersAreFields) {
  refused("0\r\n ");
  refused("0\r\nX: a\nb"s.substr(0, 8));
  refused("0\r\nX ");
  refused("0\r\n:");
  refused("0\r\nX: a\r\n ");
  refused("0\r\nX: a\0"s);
}

TEST(ChunkedDecoder, TrailersAreBounded) {
  const HeadLimits limits{.fields = {.total = 20, .line = 12, .count = 2}};
  decodes("0\r\nA: 1\r\nB: 2\r\n\r\n", "", 0, limits);
  refused("0\r\nA: 1\r\nB: 2\r\nC:", 431, limits);
  refused("0\r\nA: 1234567890", 431, limits);
  refused("0\r\nA: 123456789\r\nB: 3456", 431, limits);
  refused("0\r\n" + ("X: " + std::string(1000, 'a') + "\r\n") + ("X: " + std::string(1000, 'a') + "\r\n") +
              std::string("X: ") + std::string(1000, 'a') + "\r\n" + "X: " + std::string(1000, 'a') + "\r\n" +
              "X: " + std::string(1000, 'a') + "\r\n" + "X: " + std::string(1000, 'a') + "\r\n" +
              "X: " + std::string(1000, 'a') + "\r\n" + "X: " + std::string(1000, 'a') + "\r\n" +
              "X: " + std::string(8192 - 8 * 1005 - 3 + 1, 'a'),
          431);
}

TEST(ChunkedDecoder, StaysEnded) {
  ChunkedRun run;
  run.decode("0\r\n\r\n", 5);
  EXPECT_EQ(run.outcome(), Outcome::kEnd);
  alignas(16) std::byte block[64];
  base::Arena arena(block);
  Fields trailers(arena);
  const HeadLimits limits;
  ChunkedDecoder decoder(trailers, limits);
  decoder.feed("0\r\n\r\n");
  const auto piece = decoder.feed("more");
  EXPECT_EQ(piece.outcome, Outcome::kEnd);
  EXPECT_EQ(piece.used, 0U);
}

// --- the sender's side ------------------------------------------------------------------------------------

TEST(ChunkedSender, SizeLines) {
  std::array<char, 18> room;
  EXPECT_EQ(chunk_head(room, 1), "1\r\n");
  EXPECT_EQ(chunk_head(room, 0x1a2b), "1a2b\r\n");
  EXPECT_EQ(chunk_head(room, uint64_t{5} << 32), "500000000\r\n");  // more than 4 GiB
  EXPECT_EQ(chunk_head(room, UINT64_MAX), "ffffffffffffffff\r\n");
}

TEST(ChunkedSender, LastChunk) {
  std::array<char, 1024> room;
  const auto plain = write_last_chunk(room, nullptr);
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::string_view(room.data(), *plain), "0\r\n\r\n");

  alignas(16) std::byte block[64];
  base::Arena arena(block);
  Fields trailers(arena);
  trailers.add("X-Sum", "1");
  trailers.add(KnownName::kContentLength, "5");
  trailers.add(KnownName::kSetCookie, "c");
  const auto with_trailers = write_last_chunk(room, &trailers);
  ASSERT_TRUE(with_trailers);
  EXPECT_EQ(std::string_view(room.data(), *with_trailers), "0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(write_last_chunk(std::span(room).first(8), &trailers).error().code, ENOBUFS);
  trailers.add("X-Bad", "a\r\nb");
  EXPECT_EQ(write_last_chunk(room, &trailers).error().code, EINVAL);
}

}  // namespace
}  // namespace remuda::http::h1
