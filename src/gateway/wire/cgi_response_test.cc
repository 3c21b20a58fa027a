// SPDX-License-Identifier: Apache-2.0
//
// Headers as programs write them, whole and byte by byte.
#include "gateway/wire/cgi_response.h"

#include <gtest/gtest.h>

#include <array>

#include "base/arena.h"

namespace remuda::gateway::wire {
namespace {

using Progress = CgiResponseReader::Progress;
using Kind = CgiResponseReader::Kind;

// The outcome is the same in one piece and byte by byte.
CgiResponseReader read(std::string_view text, Progress expected) {
  CgiResponseReader at_once;
  EXPECT_EQ(at_once.read(text), expected) << text;
  CgiResponseReader piecewise;
  Progress last = Progress::kNeedsMore;
  for (size_t i = 1; i <= text.size() && last == Progress::kNeedsMore; ++i)
    last = piecewise.read(text.substr(0, i));
  EXPECT_EQ(last, expected) << text;
  EXPECT_EQ(piecewise.status(), at_once.status());
  EXPECT_EQ(piecewise.head_size(), at_once.head_size());
  return at_once;
}

TEST(CgiResponse, Document) {
  const std::string_view text = "Content-Type: text/html\nX-A:1\n\nbody\n\n";
  const auto reader = read(text, Progress::kComplete);
  EXPECT_EQ(reader.kind(), Kind::kDocument);
  EXPECT_EQ(reader.status(), 200);
  EXPECT_EQ(text.substr(reader.head_size()), "body\n\n");
  std::array<std::byte, 1024> block;
  base::Arena arena(block);
  http::Fields fields(arena);
  reader.add_fields(text, fields);
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields.all()[1].name, "X-A");
  EXPECT_EQ(fields.all()[1].value, "1");
}

TEST(CgiResponse, BothLineEnds) {
  EXPECT_EQ(read("Content-Type: a/b\r\nStatus: 404 Not Here\r\n\r\n", Progress::kComplete).status(), 404);
  EXPECT_EQ(read("Content-Type: a/b\r\nStatus: 404\n\r\n", Progress::kComplete).status(), 404);
}

TEST(CgiResponse, OnlyWhatClientsMaySeeIsPassed) {
  const std::string_view text =
      "Status: 200 Fine\nConnection: close\nTransfer-Encoding: chunked\nKeep-Alive: 1\nUpgrade: x\nTE: x\n"
      "Trailer: x\nX-CGI-Thing: 1\nContent-Length: 3\nSet-Cookie: a\nSet-Cookie: b\n\n";
  const auto reader = read(text, Progress::kComplete);
  EXPECT_EQ(reader.reason(text), "Fine");
  EXPECT_EQ(reader.content_length(), 3U);
  std::array<std::byte, 1024> block;
  base::Arena arena(block);
  http::Fields fields(arena);
  reader.add_fields(text, fields);
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields.count(http::KnownName::kSetCookie), 2U);
}

TEST(CgiResponse, Redirects) {
  EXPECT_EQ(read("Location: /a?b\n\n", Progress::kComplete).kind(), Kind::kLocalRedirect);
  EXPECT_EQ(read("Location: /a?b\nSet-Cookie: x\n\n", Progress::kComplete).kind(), Kind::kClientRedirect);
  EXPECT_EQ(read("Location: //evil/\n\n", Progress::kComplete).kind(), Kind::kClientRedirect);
  EXPECT_EQ(read("Location: http://x/\n\n", Progress::kComplete).status(), 302);
  EXPECT_EQ(read("Status: 307 T\nLocation: /a\n\n", Progress::kComplete).status(), 307);
  EXPECT_EQ(read("Status: 301\nLocation: /a\nContent-Type: a/b\n\n", Progress::kComplete).status(), 301);
}

TEST(CgiResponse, WhatIsRefused) {
  for (const std::string_view text :
       {std::string_view("\n"),
        std::string_view("\r\n"),
        std::string_view("no colon\n\n"),
        std::string_view(": x\n\n"),
        std::string_view(" a: x\n\n"),
        std::string_view("a b: x\n\n"),
        std::string_view("a: x\ry\n\n"),
        std::string_view("a: x\0y\n\n", 8),
        std::string_view("a: 1\n\n"),
        std::string_view("Status: 99\n\n"),
        std::string_view("Status: 600\n\n"),
        std::string_view("Status: 101\n\n"),
        std::string_view("Status: 20x\n\n"),
        std::string_view("Status: 200x\n\n"),
        std::string_view("Status:\n\n"),
        std::string_view("Status: 200\nStatus: 200\n\n"),
        std::string_view("Location: /a\nLocation: /a\n\n"),
        std::string_view("Location:\n\n"),
        std::string_view("Content-Type: a\nContent-Type: a\n\n"),
        std::string_view("Status: 200\nContent-Length: 1\nContent-Length: 1\n\n"),
        std::string_view("Status: 200\nContent-Length: +1\n\n"),
        std::string_view("Status: 200\nContent-Length: 1 2\n\n"),
        std::string_view("Status: 200\nContent-Length: 99999999999999999999\n\n"),
        std::string_view("Status: 200\nContent-Length:\n\n"),
        std::string_view("a: b\r\r\n\n")}) {
    EXPECT_STRNE(read(text, Progress::kBroken).trouble(), "") << text;
  }
}

TEST(CgiResponse, TooManyLines) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "X: 1\n";
  read(text, Progress::kBroken);
}

TEST(CgiResponse, SpaceBeforeTheColonIsTakenAway) {
  EXPECT_EQ(read("Status : 404\n\n", Progress::kComplete).status(), 404);
}

}  // namespace
}  // namespace remuda::gateway::wire
