// SPDX-License-Identifier: Apache-2.0
//
// The bytes that a server sends, read back by the rules of the specification.
#include "gateway/wire/fastcgi_encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/wire/fastcgi_values.h"

namespace remuda::gateway::wire {
namespace {

using namespace std::string_literals;

struct Record {
  int type;
  int request;
  std::string content;
};

// Everything that must hold of every record is looked at here.
std::vector<Record> read(std::string_view bytes) {
  std::vector<Record> records;
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  while (!bytes.empty()) {
    EXPECT_GE(bytes.size(), 8U);
    EXPECT_EQ(at(0), 1);
    const size_t content = static_cast<size_t>(at(4) << 8 | at(5));
    const size_t padding = at(6);
    EXPECT_EQ(at(7), 0) << "a reserved byte";
    EXPECT_EQ((8 + content + padding) % 8, 0U);
    EXPECT_LT(padding, 8U);
    EXPECT_LE(8 + content + padding, bytes.size());
    records.push_back({at(1), at(2) << 8 | at(3), std::string(bytes.substr(8, content))});
    EXPECT_EQ(bytes.substr(8 + content, padding), std::string(padding, '\0'));
    bytes.remove_prefix(8 + content + padding);
  }
  return records;
}

TEST(FastcgiEncoder, BeginsAndAborts) {
  std::string out;
  append_fastcgi_begin(258, FastcgiRole::kAuthorizer, KeepConnection::kYes, out);
  append_fastcgi_begin(1, FastcgiRole::kFilter, KeepConnection::kNo, out);
  append_fastcgi_abort(258, out);
  const auto records = read(out);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].type, 1);
  EXPECT_EQ(records[0].request, 258);
  EXPECT_EQ(records[0].content, "\0\2\1\0\0\0\0\0"s);
  EXPECT_EQ(records[1].content, "\0\3\0\0\0\0\0\0"s);
  EXPECT_EQ(records[2].type, 2);
  EXPECT_EQ(records[2].request, 258);
  EXPECT_EQ(records[2].content, "");
}

// The pairs of all PARAMS records, each record read by itself.
std::vector<std::pair<std::string, std::string>> params(const std::string& out) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto records = read(out);
  EXPECT_EQ(records.back().content, "") << "the stream ends with an empty record";
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].type, 4);
    EXPECT_EQ(records[i].content.empty(), i + 1 == records.size());
    std::string_view content = records[i].content;
    while (!content.empty()) {
      const auto pair = take_fastcgi_pair(content);
      EXPECT_TRUE(pair) << "a pair that goes over the end of its record";
      if (!pair) return pairs;
      pairs.emplace_back(pair->name, pair->value);
    }
  }
  return pairs;
}

TEST(FastcgiEncoder, ParamsOfEveryLength) {
  std::string variables;
  std::vector<std::pair<std::string, std::string>> expected;
  for (const size_t name : {1, 127, 128, 129, 300}) {
    for (const size_t value : {0, 1, 127, 128, 65000}) {
      expected.emplace_back(std::string(name, 'N'), std::string(value, 'v'));
      variables += expected.back().first + "=" + expected.back().second + '\0';
    }
  }
  expected.emplace_back("EQUALS", "a=b=c");
  variables += "EQUALS=a=b=c\0"s;
  std::string out;
  ASSERT_TRUE(append_fastcgi_params(1, variables, out));
  EXPECT_EQ(params(out), expected);
}

TEST(FastcgiEncoder, RecordsAreFilledToTheLastByte) {
  // One pair of 4 + 4 + name + value bytes fills a record; one byte more does not fit at all.
  const std::string fills = std::string(128, 'N') + "=" + std::string(65535 - 8 - 128, 'v') + '\0';
  std::string out;
  ASSERT_TRUE(append_fastcgi_params(1, fills + "A=b\0"s, out));
  EXPECT_EQ(params(out).size(), 2U);
  const auto records = read(out);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].content.size(), 65535U);
  const std::string too_long = std::string(128, 'N') + "=" + std::string(65536 - 8 - 128, 'v') + '\0';
  out = "before";
  EXPECT_FALSE(append_fastcgi_params(1, "A=b\0"s + too_long, out));
  EXPECT_EQ(out, "before");
}

TEST(FastcgiEncoder, NoParamsAreOneEmptyRecord) {
  std::string out;
  ASSERT_TRUE(append_fastcgi_params(3, "", out));
  EXPECT_TRUE(params(out).empty());
}

// A body that looks like records stays content.
TEST(FastcgiEncoder, ABodyCannotBecomeRecords) {
  std::string forged;
  append_fastcgi_begin(1, FastcgiRole::kResponder, KeepConnection::kYes, forged);
  std::string body;
  while (body.size() < 99'000) body += forged;
  std::string out;
  append_fastcgi_stream(1, FastcgiType::kStdin, body, out);
  append_fastcgi_stream_end(1, FastcgiType::kStdin, out);
  std::string content;
  const auto records = read(out);
  for (const Record& record : records) {
    EXPECT_EQ(record.type, 5);
    content += record.content;
  }
  EXPECT_EQ(content, body);
  EXPECT_EQ(records.back().content, "");
  EXPECT_EQ(records.size(), 3U);
}

TEST(FastcgiEncoder, AnEmptyPieceIsNotTheEnd) {
  std::string out;
  append_fastcgi_stream(1, FastcgiType::kData, "", out);
  EXPECT_EQ(out, "");
}

TEST(FastcgiEncoder, AsksForValues) {
  std::string out;
  append_fastcgi_get_values(out);
  const auto records = read(out);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].type, 9);
  EXPECT_EQ(records[0].request, 0);
  EXPECT_EQ(records[0].content, "\x0e\0FCGI_MAX_CONNS\x0d\0FCGI_MAX_REQS\x0f\0FCGI_MPXS_CONNS"s);
}

TEST(FastcgiValues, AreReadAsFarAsTheyAreThere) {
  const auto all =
      read_fastcgi_values("\x0e\4FCGI_MAX_CONNS1024\x0f\1FCGI_MPXS_CONNS1\x0d\1FCGI_MAX_REQS9\3\1FOO5"s);
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, (FastcgiValues{1024, 9, true}));
  EXPECT_EQ(read_fastcgi_values(""), FastcgiValues{});
  EXPECT_EQ(read_fastcgi_values("\x0f\1FCGI_MPXS_CONNS0"s)->multiplexes, false);
  EXPECT_EQ(read_fastcgi_values("\x0f\1FCGI_MPXS_CONNS2"s)->multiplexes, false);
  EXPECT_EQ(read_fastcgi_values("\x0f\1FCGI_MPXS_CONNSx"s)->multiplexes, std::nullopt);
  EXPECT_EQ(read_fastcgi_values("\x0d\x0b" + "FCGI_MAX_REQS99999999999"s)->requests, std::nullopt);
}

TEST(FastcgiValues, LengthsThatLie) {
  for (const std::string& pairs :
       {"\x0f"s, "\x0f\1"s, "\x0f\1FCGI_MPXS_CONNS"s, "\xff\xff\xff\xff\1x"s, "\1\xff\xff\xff\xffx"s,
        "\xff\xff\xff\xff\xff\xff\xff\xffx"s, "\x80\0\0"s, "\1\x80\0\0"s}) {
    EXPECT_EQ(read_fastcgi_values(pairs), std::nullopt) << pairs;
  }
  std::string_view empty_names = std::string_view("\0\0\0\1v", 5);
  EXPECT_EQ(take_fastcgi_pair(empty_names)->name, "");
  EXPECT_EQ(take_fastcgi_pair(empty_names)->value, "v");
  EXPECT_TRUE(empty_names.empty());
}

}  // namespace
}  // namespace remuda::gateway::wire
