// SPDX-License-Identifier: Apache-2.0
//
// The table of known names: every name is found in every case, and nothing else is.
#include "http/known_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/ascii.h"

namespace remuda::http {
namespace {

std::string changed(std::string_view name, char (*change)(char)) {
  std::string text(name);
  for (char& c : text) c = change(c);
  return text;
}

TEST(KnownNames, EveryNameIsFoundInEveryCase) {
  for (size_t i = 1; i < kKnownNames; ++i) {
    const auto known = static_cast<KnownName>(i);
    const std::string_view name = canonical_name(known);
    EXPECT_TRUE(base::is_token(name));
    EXPECT_EQ(find_known_name(name), known) << name;
    EXPECT_EQ(find_known_name(changed(name, base::to_lower)), known) << name;
    EXPECT_EQ(find_known_name(changed(name, base::to_upper)), known) << name;
  }
}

TEST(KnownNames, SpotChecksOfTheTable) {
  EXPECT_EQ(canonical_name(KnownName::kETag), "ETag");
  EXPECT_EQ(canonical_name(KnownName::kTE), "TE");
  EXPECT_EQ(canonical_name(KnownName::kWWWAuthenticate), "WWW-Authenticate");
  EXPECT_EQ(canonical_name(KnownName::kContentLength), "Content-Length");
  EXPECT_EQ(canonical_name(KnownName::kXSendfile), "X-Sendfile");
  EXPECT_EQ(canonical_name(KnownName::kOther), "");
}

TEST(KnownNames, NothingElseIsFound) {
  for (const std::string_view name :
       {"", "x", "X-Unknown", "Hos", "Hosts", "Content_Length", "Content-Lengthh", "Cookies"}) {
    EXPECT_EQ(find_known_name(name), KnownName::kOther) << name;
  }
}

// Any octet but a letter's other case makes another name of it: "-" and CR differ by the bit that letters
// differ by.
TEST(KnownNames, EveryOctetCounts) {
  for (size_t i = 1; i < kKnownNames; ++i) {
    const std::string name(canonical_name(static_cast<KnownName>(i)));
    for (size_t at = 0; at < name.size(); ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string other = name;
        other[at] = static_cast<char>(octet);
        const bool same = base::equal_ignoring_case(other, name);
        EXPECT_EQ(find_known_name(other) == static_cast<KnownName>(i), same)
            << name << " " << at << " " << octet;
      }
    }
  }
}

TEST(KnownNames, ReadsNothingBeyondTheName) {
  for (size_t i = 1; i < kKnownNames; ++i) {
    const std::string_view name = canonical_name(static_cast<KnownName>(i));
    const std::vector<char> exact(name.begin(), name.end());
    EXPECT_EQ(find_known_name({exact.data(), exact.size()}), static_cast<KnownName>(i));
  }
}

}  // namespace
}  // namespace remuda::http
