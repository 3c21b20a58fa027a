// SPDX-License-Identifier: Apache-2.0
//
// Heads of responses: what is written, what is left out, what is refused.
#include "http/h1/response_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace remuda::http::h1 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

class ResponseWriter : public testing::Test {
 protected:
  std::string write(const ResponseHead& head) {
    const auto size = write_response_head(room_, head, response_);
    return size ? std::string(room_.data(), *size) : "error " + std::to_string(size.error().code);
  }

  alignas(16) std::byte block_[256];
  base::Arena arena_{block_};
  Response response_{arena_};
  std::array<char, 4096> room_;
};

TEST_F(ResponseWriter, ASmallFile) {
  response_.status = 200;
  response_.fields.add(KnownName::kContentType, "text/css");
  response_.prepared_fields = "ETag: \"1\"\r\nLast-Modified: x\r\n";
  EXPECT_EQ(write({.date = kDate,
                   .server = "remuda",
                   .framing = ResponseFraming::kLength,
                   .length = 1024,
                   .keep_alive = true}),
            "HTTP/1.1 200 OK\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Server: remuda\r\n"
            "Content-Length: 1024\r\n"
            "Content-Type: text/css\r\n"
            "ETag: \"1\"\r\nLast-Modified: x\r\n"
            "\r\n");
}

TEST_F(ResponseWriter, Framings) {
  response_.status = 200;
  EXPECT_EQ(write({.framing = ResponseFraming::kLength, .length = UINT64_MAX, .keep_alive = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
  EXPECT_EQ(write({.framing = ResponseFraming::kLength, .length = 0, .keep_alive = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(write({.framing = ResponseFraming::kChunked, .keep_alive = true}),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(write({.framing = ResponseFraming::kUntilClose}), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(write({.framing = ResponseFraming::kNoContent, .keep_alive = true}), "HTTP/1.1 200 OK\r\n\r\n");
}

TEST_F(ResponseWriter, NoLengthWhereNoneMayBe) {
  for (const int status : {101, 103, 204}) {
    response_.status = status;
    for (const auto framing : {ResponseFraming::kLength, ResponseFraming::kChunked}) {
      const std::string head = write({.framing = framing, .length = 5, .keep_alive = true});
      EXPECT_EQ(head.find("Content-Length"), std::string::npos) << status;
      EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos) << status;
    }
  }
}

TEST_F(ResponseWriter, Persistence) {
  response_.status = 204;
  EXPECT_EQ(write({.version = Version::k11, .keep_alive = true}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(write({.version = Version::k11, .keep_alive = false}),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(write({.version = Version::k10, .keep_alive = true}),
            "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(write({.version = Version::k10, .keep_alive = false}),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

TEST_F(ResponseWriter, UpgradeStandsOnlyWhereItMeansSomething) {
  response_.fields.add(KnownName::kUpgrade, "websocket");
  response_.fields.add(KnownName::kConnection, "x");
  response_.status = 101;
  EXPECT_EQ(write({.keep_alive = false}),
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  response_.status = 426;
  EXPECT_EQ(write({.keep_alive = false}),
            "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n");
  response_.status = 200;
  EXPECT_EQ(write({.keep_alive = true}), "HTTP/1.1 200 OK\r\n\r\n");
}

TEST_F(ResponseWriter, TheDriversFieldsAreNotTheApplications) {
  response_.status = 200;
  for (const std::string_view name :
       {"connection", "Keep-Alive", "Proxy-Connection", "CONTENT-LENGTH", "Transfer-Encoding"}) {
    response_.fields.add(name, "5");
  }
  response_.fields.add("X", "y");
  EXPECT_EQ(write({.keep_alive = true}), "HTTP/1.1 200 OK\r\nX: y\r\n\r\n");
}

TEST_F(ResponseWriter, DateAndServerOfTheApplicationReplaceOurs) {
  response_.status = 200;
  response_.fields.add("date", "then");
  response_.fields.add("Server", "theirs");
  EXPECT_EQ(write({.date = kDate, .server = "remuda", .keep_alive = true}),
            "HTTP/1.1 200 OK\r\ndate: then\r\nServer: theirs\r\n\r\n");
}

TEST_F(ResponseWriter, Reasons) {
  response_.status = 299;
  EXPECT_EQ(write({.keep_alive = true}), "HTTP/1.1 299 Success\r\n\r\n");
  response_.status = 999;
  EXPECT_EQ(write({.keep_alive = true}), "HTTP/1.1 999 \r\n\r\n");
  response_.status = 200;
  response_.reason = "Fine";
  EXPECT_EQ(write({.keep_alive = true}), "HTTP/1.1 200 Fine\r\n\r\n");
}

TEST_F(ResponseWriter, NothingEndsALine) {
  response_.status = 200;
  for (const std::string_view value :
       {"a\r\nX: y"sv, "a\nb"sv, "a\rb"sv, "\0"sv, "sixteen octets or more\n"sv, "\r"sv,
        "0123456789abcde\r0123456789abcdef"sv}) {
    response_.fields.clear();
    response_.fields.add("X-Good", "fine");
    EXPECT_EQ(find_unsafe_field(response_), "");
    response_.fields.add("X-Bad", value);
    EXPECT_EQ(write({.keep_alive = true}), "error 22") << testing::PrintToString(value);
    EXPECT_EQ(find_unsafe_field(response_), "X-Bad");
    EXPECT_FALSE(is_safe_value(value));
  }
  for (const std::string_view name : {""sv, "a b"sv, "a:"sv, "a\r\n"sv, "\0"sv, "a\x80"sv}) {
    response_.fields.clear();
    response_.fields.add(name, "v");
    EXPECT_EQ(write({.keep_alive = true}), "error 22") << testing::PrintToString(name);
    EXPECT_NE(find_unsafe_field(response_), "");
  }
  response_.fields.clear();
  response_.reason = "OK\r\nX: y";
  EXPECT_EQ(write({.keep_alive = true}), "error 22");
  EXPECT_EQ(find_unsafe_field(response_), "reason");
}

TEST_F(ResponseWriter, ValuesOtherwiseAsTheyAre) {
  response_.status = 200;
  response_.fields.add("X", "caf\xc3\xa9 \t \x01");
  EXPECT_EQ(write({.keep_alive = true}), "HTTP/1.1 200 OK\r\nX: caf\xc3\xa9 \t \x01\r\n\r\n");
}

TEST_F(ResponseWriter, StatusesOutsideTheirRange) {
  for (const int status : {0, 99, 1000, -200}) {
    response_.status = status;
    EXPECT_EQ(write({}), "error 22");
    EXPECT_EQ(find_unsafe_field(response_), "status");
  }
}

TEST_F(ResponseWriter, TheRoomThatItAsksForSuffices) {
  response_.status = 511;
  response_.reason = "";
  response_.prepared_fields = "P: q\r\n";
  const ResponseHead head{.version = Version::k10,
                          .date = kDate,
                          .server = "remuda",
                          .framing = ResponseFraming::kLength,
                          .length = UINT64_MAX,
                          .keep_alive = true};
  for (int fields = 0; fields < 40; ++fields) {
    std::vector<char> room(response_head_room(head, response_));
    const auto size = write_response_head(room, head, response_);
    ASSERT_TRUE(size);
    EXPECT_LE(*size, room.size());
    room.pop_back();
    EXPECT_EQ(write_response_head(room, head, response_).error().code, ENOBUFS);
    response_.fields.add("Name", "value of some length");
  }
}

TEST_F(ResponseWriter, InterimHeads) {
  response_.fields.add(KnownName::kLink, "</a.css>; rel=preload");
  const auto hints = write_interim_head(room_, 103, response_.fields);
  ASSERT_TRUE(hints);
  EXPECT_EQ(std::string_view(room_.data(), *hints),
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
  EXPECT_EQ(write_interim_head(room_, 101, response_.fields).error().code, EINVAL);
  EXPECT_EQ(write_interim_head(room_, 200, response_.fields).error().code, EINVAL);
  EXPECT_EQ(write_interim_head(std::span(room_).first(10), 103, response_.fields).error().code, ENOBUFS);
  response_.fields.add("X", "\n");
  EXPECT_EQ(write_interim_head(room_, 103, response_.fields).error().code, EINVAL);
}

}  // namespace
}  // namespace remuda::http::h1
