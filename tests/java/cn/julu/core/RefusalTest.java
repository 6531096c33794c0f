package cn.julu.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import org.junit.ClassRule;
import org.junit.Test;

/** What waits for a person: what the platform refused, what two phones wrote at once; and a restore. */
public final class RefusalTest extends FaceCase {
  @ClassRule public static final County county = new County();

  private static final Household ELSEWHERE = Household.builder().address("外村 1 号").grid("130529999999001").build();

  @Test
  public void what_the_platform_refused_is_shown_with_its_reason_and_goes_again_or_is_given_up() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = store.sync()) {
      String again = store.capture(ELSEWHERE).id();
      String givenUp = store.capture(ELSEWHERE).id();
      assertEquals(2, sync.run().opsParked());
      assertEquals(2, store.status().parkedOps());
      Record refused = store.get(again);
      assertEquals(Delivery.PARKED, refused.delivery());
      assertEquals(ErrorCode.SCOPE, refused.problem().code());
      assertEquals("/grid", refused.problem().field());
      assertEquals("scope", refused.problem().detail());
      assertEquals(ErrorCode.SCOPE.message("/grid", Lang.ZH), refused.problem().message(Lang.ZH));
      assertEquals("不在负责范围内", refused.problemText());
      assertEquals(2, store.list(Filter.builder().delivery(Delivery.PARKED).build()).size());

      store.giveUp(givenUp);
      assertTrue(store.get(givenUp).isDeleted());
      assertEquals(1, store.status().parkedOps());
      county.give(store.identity().worker(), "130529");
      store.resend(again);
      assertEquals(SyncEnd.ALL_DELIVERED, sync.run().end());
      assertEquals(Delivery.DELIVERED, store.get(again).delivery());
      assertNull(store.get(again).problem());
      assertTrue(county.dump("record").stream().anyMatch(item -> again.equals(item.get("id"))));
      assertFalse(county.dump("record").stream().anyMatch(item -> givenUp.equals(item.get("id"))));
    }
  }

  @Test
  public void two_phones_write_one_field_and_a_person_chooses() throws Exception {
    try (JuluStore first = Phone.enrolled(county, root()); JuluSync ofFirst = first.sync();
        JuluStore second = Phone.enrolled(county, root()); JuluSync ofSecond = second.sync()) {
      String id = first.capture(Household.builder().address("堤村 1 号").build()).id();
      ofFirst.run();
      ofSecond.run();
      first.patch(id, "{\"address\":\"甲\"}");
      second.patch(id, "{\"address\":\"乙\"}");
      ofFirst.run();
      ofSecond.run();
      assertEquals(1, second.status().conflicts());
      assertTrue(second.get(id).isInConflict());
      assertEquals(1, second.conflicts().size());
      ConflictField conflict = second.conflicts().get(0);
      assertEquals(id, conflict.record());
      assertEquals("/address", conflict.field());
      assertEquals("\"堤村 1 号\"", conflict.base());
      assertEquals("\"乙\"", conflict.local());
      assertEquals("\"甲\"", conflict.remote());
      assertTrue(conflict.atMs() > 0);

      second.resolve(id, conflict.field(), conflict.local());
      assertTrue(second.conflicts().isEmpty());
      assertEquals(SyncEnd.ALL_DELIVERED, ofSecond.run().end());
      ofFirst.run();
      assertEquals("乙", Household.fromJson(first.get(id).body()).address());
    }
  }

  @Test
  public void after_the_platform_was_restored_what_it_had_receipted_is_confirming() throws Exception {
    try (JuluStore store = Phone.enrolled(county, root()); JuluSync sync = store.sync()) {
      String id = store.capture(Household.builder().address("堤村 1 号").build()).id();
      assertEquals(SyncEnd.ALL_DELIVERED, sync.run().end());
      assertFalse(store.status().isConfirming());
      county.restore();
      sync.run();
      assertTrue(store.status().isConfirming());
      assertEquals(Delivery.CONFIRMING, store.get(id).delivery());
    }
  }

  @Test
  public void each_number_of_a_status_stands_in_its_place() {
    long[] numbers = new long[15];
    for (int i = 0; i < 13; ++i) {
      numbers[i] = i + 1;
    }
    numbers[14] = 2;
    Status status = new Status(numbers);
    assertTrue(status.isLowOnDisk());
    assertFalse(status.isConfirming());
    assertEquals(7, status.conflicts());
    assertEquals(13, status.lostPhotos());
  }
}
