// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": the known word that is nearest to a mistyped one. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace remuda::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
size_t edit_distance(std::string_view from, std::string_view to);

// The nearest of the words, or empty when none is near enough to be meant (a third of its letters, at least
// one).
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

// `did you mean "x"?`, or else `one of: "a", "b"`, or empty when there are no words.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> words);

// `"a", "b", "c"`
std::string quoted_list(std::span<const std::string_view> words);

}  // namespace remuda::config
