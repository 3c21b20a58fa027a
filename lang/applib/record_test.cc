// SPDX-License-Identifier: Apache-2.0
//
// Records and pairs: any cut, any padding, lengths that lie.
#include "record.h"

#include <gtest/gtest.h>

#include <string>

#include "params.h"
#include "testing.h"

namespace remuda::app {
namespace {

using testing::pair;
using testing::record;

std::string read_in_pieces(const std::string& wire, size_t piece) {
  RecordReader reader;
  std::string told;
  std::string bytes = wire;
  for (size_t from = 0; from < bytes.size(); from += piece) {
    char* at = bytes.data() + from;
    char* const end = bytes.data() + std::min(bytes.size(), from + piece);
    for (;;) {
      const RecordReader::Event event = reader.next(at, end);
      if (event.kind == RecordReader::Kind::kMore) break;
      if (event.kind == RecordReader::Kind::kBroken) return told + "!";
      if (event.kind == RecordReader::Kind::kContent) told.append(event.data, event.size);
      if (event.kind == RecordReader::Kind::kEnd) told += "/" + std::to_string(reader.header().id) + " ";
    }
    EXPECT_EQ(at, end);
  }
  if (!reader.between()) told += "...";
  return told;
}

TEST(RecordReader, AnyCutMeansTheSame) {
  const std::string wire = record(RecordType::kParams, 1, "abc", 5) + record(RecordType::kStdin, 0x1234, "") +
                           record(RecordType::kStdin, 2, std::string(70, 'x'), 255) +
                           record(RecordType::kData, 3, "");
  const std::string whole = read_in_pieces(wire, wire.size());
  EXPECT_EQ(whole, "abc/1 /4660 " + std::string(70, 'x') + "/2 /3 ");
  for (size_t piece = 1; piece < wire.size(); ++piece) EXPECT_EQ(read_in_pieces(wire, piece), whole) << piece;
}

TEST(RecordReader, LargestRecord) {
  const std::string content(65535, 'y');
  EXPECT_EQ(read_in_pieces(record(RecordType::kStdin, 1, content, 255), 65536), content + "/1 ");
}

TEST(RecordReader, OtherVersionsAreNotUnderstood) {
  std::string wire = record(RecordType::kStdin, 1, "a") + record(RecordType::kStdin, 1, "b");
  wire[9] = 2;
  EXPECT_EQ(read_in_pieces(wire, 3), "a/1 !");
}

TEST(RecordReader, KnowsThatSomethingIsMissing) { EXPECT_EQ(read_in_pieces("\1\4\0", 1), "..."); }

struct Decoded {
  explicit Decoded(std::string wire) : bytes(std::move(wire)) {
    const size_t size = bytes.size();
    bytes += '#';  // the byte behind, which decode() may write
    outcome = params.decode(bytes.data(), size);
  }
  std::string operator[](std::string_view name) const {
    const Param* param = params.find(name.data(), name.size());
    return param == nullptr ? "(none)" : std::string(param->value.data);
  }
  std::string bytes;
  Params params;
  Params::Outcome outcome;
};

TEST(Params, ValuesAreCStringsWhereTheyStand) {
  const std::string long_name(200, 'N');
  const std::string long_value(100'000, 'v');
  const Decoded decoded(pair("A", "1") + pair("", "no name") + pair("EMPTY", "") +
                        pair(long_name, long_value) + pair("LAST", "last"));
  EXPECT_EQ(decoded.outcome, Params::Outcome::kDone);
  EXPECT_EQ(decoded["A"], "1");
  EXPECT_EQ(decoded[""], "no name");
  EXPECT_EQ(decoded["EMPTY"], "");
  EXPECT_EQ(decoded[long_name], long_value);
  EXPECT_EQ(decoded["LAST"], "last");
  EXPECT_EQ(decoded["B"], "(none)");
  EXPECT_EQ(decoded.params.count(), 5U);
  const char* where = decoded.params.at(0).value.data;
  EXPECT_TRUE(where > decoded.bytes.data() && where < decoded.bytes.data() + decoded.bytes.size());
}

TEST(Params, TheLastOfAName) {
  EXPECT_EQ(Decoded(pair("A", "1") + pair("B", "2") + pair("A", "3"))["A"], "3");
}

TEST(Params, Thousands) {
  std::string wire;
  for (int i = 0; i < 5000; ++i) wire += pair("NAME_" + std::to_string(i), std::to_string(i));
  const Decoded decoded(wire);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(decoded["NAME_" + std::to_string(i)], std::to_string(i));
}

TEST(Params, LengthsThatLie) {
  const auto outcome = [](std::string_view wire) { return Decoded(std::string(wire)).outcome; };
  using namespace std::string_view_literals;
  EXPECT_EQ(outcome(""), Params::Outcome::kDone);
  EXPECT_EQ(outcome("\x01"), Params::Outcome::kMalformed);
  EXPECT_EQ(outcome("\x01\x01"
                    "a"),
            Params::Outcome::kMalformed);
  EXPECT_EQ(outcome("\xff\xff\xff\xff\x01"sv), Params::Outcome::kMalformed);
  EXPECT_EQ(outcome("\xff\xff\xff\xff\xff\xff\xff\xff"sv), Params::Outcome::kMalformed);
  EXPECT_EQ(outcome("\xff\xff\xff\xff\xff\xff\xff\xff ab"sv), Params::Outcome::kMalformed);
  EXPECT_EQ(outcome("\x80\x00\x00\x01\x80\x00\x00\x01xy"sv), Params::Outcome::kDone);
  EXPECT_EQ(outcome("\x01\xff\xff\xff\xfe"
                    "abc"sv),
            Params::Outcome::kMalformed);
  EXPECT_EQ(outcome("\x80\x00"sv), Params::Outcome::kMalformed);
}

}  // namespace
}  // namespace remuda::app
