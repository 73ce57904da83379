import RecapAlgorithm
import Testing

@testable import CoordinatorRole

struct OrderBookTests {
  func order(_ lease: String) -> JobOrder {
    JobOrder(
      job: Job(
        id: "espresso/1/collect/0", task: "espresso", iteration: 1, seed: 0,
        work: .collect(
          CollectWork(
            source: .demonstration, policy: nil, guidance: 1, firstEpisode: 0, episodeCount: 1,
            stage: "espresso/1/collect"))),
      lease: lease)
  }

  @Test("an order is withdrawn by its lease, and nobody else's with it")
  func leases() {
    var book = OrderBook()
    book.give(order("job@1"), to: "a")
    book.give(order("job@2"), to: "b")
    book.withdraw(lease: "job@1")
    book.withdraw(lease: "job@3")
    #expect(book["a"] == nil)
    #expect(book["b"]?.lease == "job@2")
  }

  @Test("the lease of an order that was replaced or withdrawn no longer reaches its worker")
  func replacement() {
    var book = OrderBook()
    let previous = ["job@1", "job@1", "job@2"].map { book.give(order($0), to: "a")?.lease }
    #expect(previous == [nil, "job@1", "job@1"])
    book.withdraw(lease: "job@1")
    #expect(book["a"]?.lease == "job@2")
    book.withdraw(from: "a")
    book.give(order("job@3"), to: "a")
    book.withdraw(lease: "job@2")
    #expect(book["a"]?.lease == "job@3")
  }
}
