// SPDX-License-Identifier: Apache-2.0
//
// Arena, List, Fd: who owns what, and when it is gone.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/result.h"

namespace remuda::base {
namespace {

class ArenaTest : public testing::Test {
 protected:
  bool is_in_first_block(const void* pointer) const {
    const auto* const byte = static_cast<const std::byte*>(pointer);
    return byte >= block_.data() && byte < block_.data() + block_.size();
  }

  alignas(64) std::array<std::byte, 1024> block_;
  Arena arena_{block_};
};

TEST_F(ArenaTest, BeginsInTheOwnersBlockAndGoesOnInTheHeap) {
  EXPECT_TRUE(is_in_first_block(arena_.allocate(1000)));
  EXPECT_FALSE(is_in_first_block(arena_.allocate(1000)));
  void* const large = arena_.allocate(1'000'000);
  std::memset(large, 1, 1'000'000);
  EXPECT_FALSE(is_in_first_block(large));
  arena_.reset();
  EXPECT_TRUE(is_in_first_block(arena_.allocate(1000)));
}

TEST_F(ArenaTest, AlignsAsAsked) {
  for (const size_t alignment : {1, 2, 4, 8, 16, 32, 64}) {
    static_cast<void>(arena_.allocate(1, 1));
    const auto at = reinterpret_cast<uintptr_t>(arena_.allocate(8, alignment));
    EXPECT_EQ(at % alignment, 0U);
  }
  arena_.reset();
  static_cast<void>(arena_.allocate(1001, 1));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(arena_.allocate(100, 64)) % 64, 0U);
}

TEST_F(ArenaTest, CopiesJoinsAndMakes) {
  std::string text = "copied";
  const std::string_view copy = arena_.copy(text);
  text.assign("changed");
  EXPECT_EQ(copy, "copied");
  EXPECT_EQ(arena_.copy(""), "");
  EXPECT_EQ(arena_.join("a", std::string("bc"), std::string_view(), "d"), "abcd");
  EXPECT_EQ(arena_.join("", ""), "");
  const std::span<uint32_t> numbers = arena_.make_array<uint32_t>(300);
  for (const uint32_t number : numbers) EXPECT_EQ(number, 0U);
  struct Pair {
    int a;
    int b;
  };
  EXPECT_EQ(arena_.make<Pair>(Pair{1, 2})->b, 2);
}

struct ByName {};
struct ByAge {};
struct Person : Link<ByName>, Link<ByAge> {
  explicit Person(int its_age) : age(its_age) {}
  int age;
};

template <typename List>
std::vector<int> ages(List& list) {
  std::vector<int> found;
  list.for_each([&](Person& person) { found.push_back(person.age); });
  return found;
}

TEST(List, KeepsOrderAndIsLeftInAnyWay) {
  List<Person, ByName> list;
  Person a(1);
  Person c(3);
  {
    Person b(2);
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    EXPECT_EQ(ages(list), (std::vector{1, 2, 3}));
  }
  EXPECT_EQ(ages(list), (std::vector{1, 3}));
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_FALSE(static_cast<Link<ByName>&>(a).is_linked());
  static_cast<Link<ByName>&>(c).unlink();
  static_cast<Link<ByName>&>(c).unlink();
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(List, AnElementIsInTwoListsAtOnce) {
  List<Person, ByName> names;
  List<Person, ByAge> by_age;
  Person a(1);
  Person b(2);
  names.push_back(a);
  names.push_back(b);
  by_age.push_back(b);
  by_age.push_back(a);
  EXPECT_EQ(names.pop_front(), &a);
  EXPECT_EQ(ages(by_age), (std::vector{2, 1}));
  names.pop_front();
  while (by_age.pop_front() != nullptr) {
  }
}

TEST(List, MovesAllToTheEndOfAnother) {
  List<Person, ByName> from;
  List<Person, ByName> to;
  Person people[] = {Person(1), Person(2), Person(3)};
  to.push_back(people[0]);
  from.push_back(people[1]);
  from.push_back(people[2]);
  from.move_all_to(to);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(ages(to), (std::vector{1, 2, 3}));
  from.move_all_to(to);
  EXPECT_EQ(ages(to), (std::vector{1, 2, 3}));
  to.move_all_to(from);
  EXPECT_EQ(ages(from), (std::vector{1, 2, 3}));
  from.for_each([](Person& person) { static_cast<Link<ByName>&>(person).unlink(); });
  EXPECT_TRUE(from.empty());
}

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

TEST(Fd, ClosesOnce) {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    Fd first(number);
    Fd second(std::move(first));
    EXPECT_FALSE(first);
    EXPECT_EQ(second.get(), number);
    Fd third;
    third = std::move(second);
    EXPECT_TRUE(is_open(number));
    Fd& same = third;
    third = std::move(same);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, CanBeGivenAway) {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    EXPECT_EQ(Fd(number).release(), number);
  }
  EXPECT_TRUE(is_open(number));
  Fd(number).reset();
  EXPECT_FALSE(is_open(number));
}

TEST(Error, SaysWhatFailedAndWhy) { EXPECT_EQ(to_string({EMFILE, "accept"}), "accept: Too many open files"); }

using CheckDeathTest = testing::Test;

TEST_F(CheckDeathTest, SaysWhere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(CHECK(1 + 1 == 3), "memory_test.cc:[0-9]+: CHECK failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace remuda::base
