#if MPI
  import CMPI
  import Collectives
  import Executors
  import Foundation

  /// The ranks that `mpirun` or `srun` started, over MPI.
  ///
  /// A thread of its own makes all of MPI's calls (MPI_THREAD_FUNNELED): MPI moves data only while it is called, so this
  /// is what lets sums go on while the learner's threads compute. Between two looks at what is under way it sleeps, since
  /// those threads want the cores; it looks all the time once somebody waits for a sum.
  ///
  /// A rank that is lost, and any error of MPI, ends all ranks: that is MPI's default, and `mpirun`'s.
  final class MPICommunicator: Communicator {
    let rank: Int
    let count: Int
    private let work: Monitored<Work>

    /// MPI can be started once a process.
    private static let world = Result { () throws(MPIUnavailable) in try MPICommunicator() }

    /// This process's place among the ranks; all calls give the same.
    ///
    /// - Throws: `MPIUnavailable` where MPI does not start.
    static func start() throws(MPIUnavailable) -> MPICommunicator { try world.get() }

    private init() throws(MPIUnavailable) {
      let start = Monitored<Start?>(nil)
      let work = Monitored(Work())
      Thread.detachNewThread {
        var (rank, count): (Int32, Int32) = (0, 0)
        let failure = recap_mpi_start(&rank, &count)
        start.change { $0 = Start(rank: Int(rank), count: Int(count), failure: failure) }
        if failure == 0 { Self.serve(work) }
      }
      let place = start.wait { $0 }
      guard place.failure == 0 else {
        throw MPIUnavailable(description: "MPI did not start: its error is \(place.failure)")
      }
      (rank, count) = (place.rank, place.count)
      self.work = work
    }

    // MARK: Calls

    func beginSum(_ numbers: UnsafeMutableBufferPointer<Float>) {
      guard let start = numbers.baseAddress, !numbers.isEmpty else { return }
      post { recap_mpi_sum_floats(start, Int32(numbers.count)) }
    }

    func waitForSums() {
      let last = work.change { work in
        work.isAwaited = true
        return work.posted
      }
      work.wait { $0.done >= last ? () : nil }
      work.change { $0.isAwaited = false }
    }

    func sum(_ numbers: [Double]) -> [Double] {
      var sums = numbers
      sums.withUnsafeMutableBufferPointer { sums in
        guard let start = sums.baseAddress else { return }
        let count = Int32(sums.count)
        post { recap_mpi_sum_doubles(start, count) }
        waitForSums()
      }
      return sums
    }

    func broadcast(_ bytes: [UInt8]) -> [UInt8] {
      var size = UInt64(bytes.count)
      withUnsafeMutableBytes(of: &size) { broadcast($0, patient: rank != 0) }
      var received = rank == 0 ? bytes : [UInt8](repeating: 0, count: Int(size))
      received.withUnsafeMutableBytes { all in
        // MPI counts in 32 bits.
        for start in stride(from: 0, to: all.count, by: 1 << 30) {
          let part = UnsafeMutableRawBufferPointer(
            rebasing: all[start..<min(start + 1 << 30, all.count)])
          broadcast(part, patient: false)
        }
      }
      return received
    }

    /// - Parameter patient: Whether it may be long until the first rank says something.
    private func broadcast(_ bytes: UnsafeMutableRawBufferPointer, patient: Bool) {
      let start = bytes.baseAddress
      let count = Int32(bytes.count)
      post { recap_mpi_broadcast(start, count) }
      if patient {
        work.wait { $0.done == $0.posted ? () : nil }
      } else {
        waitForSums()
      }
    }

    /// Leaves MPI, once all that has begun is done; nothing may be called afterwards.
    func finish() {
      post(nil)
      work.wait { $0.done == $0.posted ? () : nil }
    }

    private func post(_ begin: (() -> OpaquePointer?)?) {
      work.change { work in
        work.waiting.append(Posted(begin: begin))
        work.posted += 1
      }
    }

    // MARK: MPI's thread

    /// Begins what is posted and sees it through, in order, until MPI is left.
    private static func serve(_ work: Monitored<Work>) {
      var active: [OpaquePointer] = []
      var idle = Pause()
      while true {
        let (posted, isAwaited) =
          active.isEmpty
          ? work.wait { $0.waiting.isEmpty ? nil : $0.take() } : work.look { $0.take() }
        for posted in posted {
          guard let begin = posted.begin else {
            recap_mpi_finish()
            return work.change { $0.done += 1 }
          }
          if let request = begin() { active.append(request) }
        }
        if !posted.isEmpty { idle = Pause() }
        var ended = 0
        while let first = active.first, recap_mpi_test(first) != 0 {
          active.removeFirst()
          ended += 1
        }
        if ended > 0 {
          work.change { $0.done += ended }
          idle = Pause()
        } else {
          idle.take(isAwaited: isAwaited)
        }
      }
    }
  }

  /// The waits between two looks, longer the longer nothing happens.
  private struct Pause {
    private var looks = 0

    mutating func take(isAwaited: Bool) {
      looks += 1
      switch looks {
      case ..<2_000 where isAwaited: sched_yield()
      case ..<4_000: usleep(20)
      case ..<10_000: usleep(500)
      // Between two jobs.
      default: usleep(5_000)
      }
    }
  }

  private struct Start: Sendable {
    var rank: Int
    var count: Int
    var failure: Int32
  }

  /// What MPI's thread is to begin. `@unchecked Sendable`: the memory that it writes to is left alone until it is done.
  private struct Posted: @unchecked Sendable {
    /// Nil to leave MPI.
    var begin: (() -> OpaquePointer?)?
  }

  /// What passes between the learner's threads and MPI's.
  private struct Work: Sendable {
    var waiting: [Posted] = []
    var posted = 0
    var done = 0
    /// Whether a thread has nothing else to do than to wait.
    var isAwaited = false

    mutating func take() -> (posted: [Posted], isAwaited: Bool) {
      defer { waiting = [] }
      return (waiting, isAwaited)
    }
  }
#endif
