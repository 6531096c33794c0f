# Android's toolchain with vcpkg's libraries for the ABI that Gradle is at: of its own accord vcpkg takes those of the
# machine that builds. The environment's VCPKG_ROOT and ANDROID_NDK_HOME say where the two are. NOT BUILT HERE.
set(triplet_of_arm64-v8a arm64-android)
set(triplet_of_armeabi-v7a arm-neon-android)
set(triplet_of_x86_64 x64-android)
set(VCPKG_TARGET_TRIPLET ${triplet_of_${ANDROID_ABI}} CACHE STRING "")
set(VCPKG_OVERLAY_TRIPLETS ${CMAKE_CURRENT_LIST_DIR}/triplets CACHE STRING "")
set(VCPKG_CHAINLOAD_TOOLCHAIN_FILE $ENV{ANDROID_NDK_HOME}/build/cmake/android.toolchain.cmake CACHE STRING "")
include($ENV{VCPKG_ROOT}/scripts/buildsystems/vcpkg.cmake)
