// SPDX-License-Identifier: Apache-2.0
//
// Durations, sizes and socket addresses as people write them: parsing and writing. Pure; used by everything
// that reads or shows a configuration.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace remuda::config {

// "30s", "500ms", "1m30s", "2h", "1d", "0".
std::optional<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration duration);

// "8KiB", "1GiB", "500B", "0": units are powers of 1024.
std::optional<Bytes> parse_size(std::string_view text);
std::string format_size(Bytes size);
// For what people write instead ("8k", "1GB", "10 mb"): the size that they probably mean.
std::optional<Bytes> guess_size(std::string_view text);

struct AddressMistake {
  std::string what;
  std::string hint;
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "unix:/path" (relative to base_directory), "unix:@name".
std::expected<Address, AddressMistake> parse_address(std::string_view text,
                                                     const std::string& base_directory);

// The path made absolute from the directory, with "." and ".." resolved by name alone.
std::string absolute_path(std::string_view text, const std::string& base_directory);

}  // namespace remuda::config
