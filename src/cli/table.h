// SPDX-License-Identifier: Apache-2.0
//
// Table: columns that stand below each other, for a terminal. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::cli {

class Table {
 public:
  enum class Align : uint8_t { kLeft, kRight };
  struct Column {
    std::string_view title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns. Control bytes, and bytes beyond ASCII, are shown escaped.
  void row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }

  // Lines with `indent` spaces before and nothing at their ends. A column whose cells are all empty is left
  // out.
  std::string text(size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace remuda::cli
