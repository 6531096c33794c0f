// The Android library (AAR) with its native part and a prefab package of julu.h. NOT BUILT HERE: this repository's tests
// assume no Android SDK; it is a recipe, to be tried where one is. See "Android" in ../README.md.
plugins {
    id("com.android.library") version "8.5.2"
}

for (name in listOf("VCPKG_ROOT", "ANDROID_NDK_HOME")) System.getenv(name) ?: error("$name is not set")

android {
    namespace = "cn.julu.core"
    compileSdk = 35
    ndkVersion = "26.3.11579264" // r26 is the least: the C++20 of its libc++

    defaultConfig {
        minSdk = 23
        consumerProguardFiles("../julu.pro")
        ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64") }
        externalNativeBuild {
            cmake {
                targets("julu_jni")
                arguments(
                    "-DJULU_BUILD_EXAMPLES=OFF",
                    "-DJULU_BUILD_TESTS=OFF",
                    "-DJULU_SQLITE=sqlcipher",
                    "-DANDROID_STL=c++_static", // the one library of the app that needs it; exports none of it
                    "-DANDROID_SUPPORT_FLEXIBLE_PAGE_SIZES=ON", // pages of 16 KB
                    "-DCMAKE_TOOLCHAIN_FILE=$projectDir/toolchain.cmake", // reads VCPKG_ROOT and ANDROID_NDK_HOME
                )
            }
        }
    }

    sourceSets["main"].java.srcDir("../java")
    externalNativeBuild {
        cmake {
            path = file("../../../CMakeLists.txt")
            version = "3.25.0+"
        }
    }

    // For other native code of the app: find_package(julu CONFIG), then julu::julu_jni.
    buildFeatures { prefabPublishing = true }
    prefab {
        create("julu_jni") { headers = "../../c/include" }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
}

dependencies {
    // Names that compilers know; nothing of it is needed when the app runs.
    compileOnly("androidx.annotation:annotation:1.8.2")
}
